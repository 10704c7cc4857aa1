"""The doctor: checks what works, what the account sees and how the server answers, and says how to fix failures."""

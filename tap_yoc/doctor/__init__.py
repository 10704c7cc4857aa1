"""The doctor: what works, what the account sees, how the server answers, and what to do about what fails."""

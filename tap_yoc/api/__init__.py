"""YOC over HTTP: requests, the login, retries and the rate limit."""

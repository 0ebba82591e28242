"""Who may do what: keys, sessions, logins, rate limits, and the record of what was read."""

"""A site's building: heard, and told what the interlocks want of it.  Nothing here is waited for."""

"""Reports of acceptance runs that people sign: one model, drawn as HTML and as PDF."""

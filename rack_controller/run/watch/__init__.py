"""What is noticed of a rack once a second and kept until the next: subtrees, links, GPU hosts, doubted values."""

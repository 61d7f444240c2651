"""What is done to a running rack's endpoints on the way in and when they change: looks, holds, passwords, swaps."""

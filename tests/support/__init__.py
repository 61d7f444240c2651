"""What several test folders share: servers to talk to and scripted endpoints."""

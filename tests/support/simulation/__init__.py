"""A rack, its controller and everything that can go wrong, in virtual time and from one seed."""

"""Pure decisions: facts in, actions and reasons out."""

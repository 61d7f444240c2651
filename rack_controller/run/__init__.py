"""All the awaiting there is: collecting, publishing, answering commands, the journal."""

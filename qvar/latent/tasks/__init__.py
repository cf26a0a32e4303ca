"""What a circuit is searched for: tasks with rewards, and the rewards of whole pools."""

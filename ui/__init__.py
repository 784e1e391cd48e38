"""The faces of Mentor: each shows what the house says, and none decides anything."""

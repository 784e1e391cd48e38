"""Judges: they ask Mentor through its front door and count. Nothing here is shown to a student."""

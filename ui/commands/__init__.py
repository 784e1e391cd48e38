"""The commands of `mentor` that do not answer: the shelf, the index, what was asked, the set-up."""

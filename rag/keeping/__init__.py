"""How a shelf is kept: essays brought, renewed and taken away; drafts written and judged."""

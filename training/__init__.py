"""The recipe that made `rag/model`, from public data. The product never imports it."""

"""Pure translation between the Responses API and Chat Completions: no clock, randomness, logging or async."""

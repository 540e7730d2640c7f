"""Pages for agents, supervisors, operators, editors and data officers."""

"""How a search chooses: its space, what is proposed, which trials get further seeds, which are cut short."""

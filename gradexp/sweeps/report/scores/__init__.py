"""The scores of entrants, such as optimizers, on several problems: what cannot be told apart shares a rank.

`board` ranks them, `costs` measures what they take; `table`, `files`, `page` show the result.
"""

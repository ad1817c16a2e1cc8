"""Checks of requests: a server refuses names that are paths, foreign web pages, and anything out of bounds.

``door`` and ``body_limit`` check each request before MONAI Label reads it, ``endpoints`` checks the arguments that
MONAI Label has read; ``names``, ``addresses``, ``values``, ``rules`` and ``archives`` hold the rules. ``install`` puts
the checks into the server.
"""

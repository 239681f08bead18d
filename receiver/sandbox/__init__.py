"""A stand-in for the platform: its APIs, and then its calls to whoever is to be notified.

It knows `platform` and `domain` alone, and keeps everything in the memory of one process, bounded:
what it has to remember is what it has to say, and both end with it.
"""

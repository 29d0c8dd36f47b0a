"""How good is it, and are we sure?"""

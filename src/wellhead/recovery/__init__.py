"""Gives what a person on call does to cursors and dead letters; every act is a plan first."""

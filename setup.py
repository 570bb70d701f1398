"""Everything that needs code to build; what can be declared stands in pyproject.toml."""

from setuptools import setup

setup()

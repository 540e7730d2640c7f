"""The metadata with every table in it, whatever else has been imported: for whoever walks over all tables."""

from storage import (  # noqa: F401 - importing them puts their tables into the metadata
    schema_campaigns,
    schema_editing,
    schema_figures,
    schema_privacy,
    schema_teaching,
)
from storage.schema import metadata

__all__ = ["metadata"]

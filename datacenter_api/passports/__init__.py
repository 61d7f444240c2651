"""Passports: as-built records kept, what was found laid beside them, claims, signed exports, decision records."""

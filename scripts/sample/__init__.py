"""Building blocks of the sample city: each module is pure functions and one ``build``."""

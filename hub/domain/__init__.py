"""The figures people act on. Pure: values in, values out, each formula with its source."""

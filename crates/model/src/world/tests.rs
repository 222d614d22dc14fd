//! Tests of the order of objects.

//! What a browser sees of the examples; one file, one scenario.

mod beside_django;

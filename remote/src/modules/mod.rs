//! The modules that come with tarmem.

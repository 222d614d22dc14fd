//! Heads as HTTP/2 knows them.

//! What a browser sees of the examples, and what it does with our cookies; one file, one scenario.

mod back_button;
mod beside_django;
mod browser_close;
mod deletion;
mod partitioned;
mod same_site;
mod secure;
mod test_cookie;

//! Who a server is, apart from the machine it runs on: personas, servers, pools, placement.

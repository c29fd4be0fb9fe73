-- The default entry: both exercises, one after the other. The system stays up afterwards.
local L4 = require("L4");

L4.default_loader:start({ log = { "hello", "cyan" } }, "rom/hello"):wait();
L4.default_loader:start({ log = { "acker", "yellow" } }, "rom/ackermann"):wait();

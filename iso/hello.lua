local L4 = require("L4");
L4.default_loader:start({}, "rom/hello");

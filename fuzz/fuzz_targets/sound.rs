#![no_main]

ia3_fuzz::program!(sound);

#![no_main]

ia3_fuzz::program!(json_lines);

#![no_main]

ia3_fuzz::program!(templates_yaml);

#![no_main]

ia3_fuzz::program!(training_state);

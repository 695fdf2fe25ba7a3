module jobhook/bench

go 1.22

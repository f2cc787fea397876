module rhumb.run/hello-golang

go 1.26

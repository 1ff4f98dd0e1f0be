# Forwards to run.sh, where everything is done. `make input file=ticket.json`
.PHONY: run input watch clean docker test bench soak
run:
	./run.sh
input:
	./run.sh input $(file)
watch clean docker test bench soak:
	./run.sh $@

// gorqlite against a node: its URL is the argument.
package main

import (
	"fmt"
	"os"

	"github.com/rqlite/gorqlite"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(good bool, what string, got any) {
	if !good {
		must(fmt.Errorf("%s: %v", what, got))
	}
}

func main() {
	conn, err := gorqlite.Open(os.Args[1])
	must(err)
	_, err = conn.WriteOne("CREATE TABLE gopher(id INTEGER PRIMARY KEY, name TEXT)")
	must(err)
	results, err := conn.WriteParameterized([]gorqlite.ParameterizedStatement{
		{Query: "INSERT INTO gopher(name) VALUES(?)", Arguments: []any{"a"}},
		{Query: "INSERT INTO gopher(name) VALUES(?)", Arguments: []any{"b"}},
	})
	must(err)
	check(len(results) == 2 && results[1].LastInsertID == 2 && results[1].RowsAffected == 1, "writes", results)
	rows, err := conn.QueryOneParameterized(gorqlite.ParameterizedStatement{
		Query: "SELECT id, name FROM gopher WHERE id = ?", Arguments: []any{2}})
	must(err)
	check(rows.NumRows() == 1 && rows.Next(), "rows", rows)
	var id int64
	var name string
	must(rows.Scan(&id, &name))
	check(id == 2 && name == "b", "row", name)
	_, err = conn.WriteOne("INSERT INTO gopher(id) VALUES(1)")
	check(err != nil, "a second row of the same key", err)
	for _, level := range []string{"none", "weak", "linearizable", "strong"} {
		parsed, err := gorqlite.ParseConsistencyLevel(level)
		must(err)
		must(conn.SetConsistencyLevel(parsed))
		all, err := conn.QueryOne("SELECT count(*) FROM gopher")
		must(err)
		check(all.NumRows() == 1, level, all)
	}
	leader, err := conn.Leader()
	must(err)
	check(leader != "", "leader", leader)
	conn.Close()
}

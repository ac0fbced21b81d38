// rqlite-js against a node: its URL is the argument; its user is bob, password secret.
const assert = require('assert')
const { DataApiClient } = require('rqlite-js')

async function main () {
  const client = new DataApiClient(process.argv[2], { authentication: { username: 'bob', password: 'secret' } })
  let results = await client.execute('CREATE TABLE js(id INTEGER PRIMARY KEY, name TEXT)')
  assert(!results.hasError(), results.toString())
  results = await client.execute([['INSERT INTO js(name) VALUES(?)', 'a'], ['INSERT INTO js(name) VALUES(?)', 'b']],
    { transaction: true })
  assert(!results.hasError(), results.toString())
  assert.strictEqual(results.get(1).getLastInsertId(), 2)
  assert.strictEqual(results.get(1).getRowsAffected(), 1)
  results = await client.query('SELECT id, name FROM js WHERE id = 2')
  assert.strictEqual(results.get(0).get('name'), 'b')
  results = await client.execute('INSERT INTO js(id) VALUES(1)')
  assert(results.hasError())
  assert.match(String(results.getFirstError()), /UNIQUE constraint failed: js\.id/)
}

main().catch((error) => { console.error(error); process.exit(1) })

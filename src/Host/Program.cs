using StreamMLOps.Host;

using var interrupts = new Interrupts();
var status = await new CommandLine(new NodeFactory(), Terminal.Standard(), TimeProvider.System).Run(args, interrupts.Stop);
// Threads of libraries that wait for somebody who does not come must not keep the process.
Environment.Exit(status);

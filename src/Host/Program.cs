using StreamMLOps.Host;

using var interrupts = new Interrupts();
return await new CommandLine(new NodeFactory(), Terminal.Standard(), TimeProvider.System).Run(args, interrupts.Stop);

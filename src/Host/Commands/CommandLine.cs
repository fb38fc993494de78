using System.CommandLine;
using System.Globalization;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Host;

/// <summary>The command line: what can be asked, and how it ends. Each command is a class of its own.</summary>
public sealed class CommandLine(INodeFactory nodes, Terminal terminal, TimeProvider time)
{
    private const string Description = """
        Online learning on streams: scores each record at once, learns from it, and can recompute any prediction bit for bit.

        Exit status: 0 all is well; 1 an audit or verification found a difference; 2 the input cannot be used as it is; 3 some features
        have expired, all other predictions are identical; 4 a failure of the program, or a broker that does not answer; 130 stopped at once by a second Ctrl-C.
        """;

    private readonly Option<bool> _verbose = new("--verbose") { Description = "Warnings of the actors and stack traces on standard error.", Recursive = true };
    private readonly Option<bool> _plain = new("--plain") { Description = "Lines in place of the live display." };
    private readonly Option<string?> _dataFolder = new("--data-folder") { Description = "Where state lives.", HelpName = "DIR" };
    private readonly Option<string?> _config = new("--config") { Description = "A settings file in HOCON, laid over the reference.", HelpName = "FILE" };

    /// <summary>Runs one command.</summary>
    /// <returns>An <see cref="ExitStatus"/>.</returns>
    public async Task<int> Run(string[] args, CancellationToken stop)
    {
        var verbose = args.Contains("--verbose", StringComparer.Ordinal);
        var parsed = Root(stop).Parse(args);
        if (parsed.Errors.Count > 0 && !args.Any(a => a is "--help" or "-h" or "-?"))
        {
            var command = parsed.CommandResult.Command is RootCommand ? "" : $" {parsed.CommandResult.Command.Name}";
            // What was misunderstood says more than what is missing, and is quoted.
            var error = parsed.Errors.FirstOrDefault(e => e.Message.Contains('\'', StringComparison.Ordinal)) ?? parsed.Errors[0];
            terminal.Error.WriteLine($"{string.Join(' ', error.Message.Split(default(char[]), StringSplitOptions.RemoveEmptyEntries))} See streammlops{command} --help.");
            return ExitStatus.BadInput;
        }
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { Output = terminal.Out, Error = terminal.Error, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, CancellationToken.None).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            terminal.Error.WriteLine("stopped");
            return ExitStatus.Interrupted;
        }
        catch (Exception e)
        {
            var expected = e is BadInputException or SourceException;
            terminal.Error.WriteLine(verbose ? e.ToString() : expected ? e.Message : $"failed: {e.GetBaseException().Message} (--verbose tells where)");
            return expected ? ExitStatus.BadInput : ExitStatus.Failed;
        }
    }

    private RootCommand Root(CancellationToken stop)
    {
        var root = new RootCommand(Description) { _verbose };
        root.Subcommands.Add(Demo(stop));
        root.Subcommands.Add(RunPipeline(stop));
        root.Subcommands.Add(Node(stop));
        root.Subcommands.Add(Audit(stop));
        root.Subcommands.Add(Weights(stop));
        root.Subcommands.Add(Verify(stop));
        root.Subcommands.Add(Ledger(stop));
        root.Subcommands.Add(Archive(stop));
        root.Subcommands.Add(Change("freeze", "Stop learning in a running pipeline; scoring goes on with what was learned, and records that pass are counted as frozen.", stop));
        root.Subcommands.Add(Change("thaw", "Go on learning after a freeze, with the records that come from now on.", stop));
        root.Subcommands.Add(Change("revoke", "Take back the pseudo-labels of a running self-training pipeline, as a group.", stop));
        root.Subcommands.Add(DeadLetters());
        root.Subcommands.Add(Config());
        var models = new Command("models", "List the algorithms and their parameters.");
        models.SetAction(_ => ModelsCommand.Run(terminal.Out));
        root.Subcommands.Add(models);
        return root;
    }

    private Command Demo(CancellationToken stop)
    {
        var rows = new Option<long?>("--rows") { Description = "Rows of the generated stream (200,000).", HelpName = "N" };
        var seed = new Option<ulong?>("--seed") { Description = "Seed of the generated stream (7).", HelpName = "S" };
        var data = new Option<string?>("--data") { Description = "A real file in place of the generator, plain or gzip.", HelpName = "FILE" };
        var format = new Option<string?>("--format") { Description = "Format of the file; without it, by its name." };
        format.AcceptOnlyFromAmong("svmlight", "json", "csv", "text");
        var audit = new Option<int>("--audit") { Description = "Predictions to recompute at the end, chosen at random.", DefaultValueFactory = _ => 100, HelpName = "N" };
        var kafka = new Option<bool>("--kafka") { Description = "From Kafka to Kafka: a broker in this process, whose topics any Kafka client can look at." };
        var command = new Command("demo", "Learn a stream of URLs while scoring it, then recompute predictions. Run again, it goes on from where it was.")
        {
            rows, seed, data, format, kafka, _dataFolder, _config, audit, _plain,
        };
        command.SetAction((parsed, _) =>
        {
            var settings = parsed.GetValue(_config) is { } file ? SettingsFile.Read(file) : SettingsFile.Embedded("malicious-url.conf");
            var pipelines = (settings.At("stream-mlops.pipelines") as ConfigNode.Map ?? ConfigNode.Map.Empty).Fields.Keys.ToArray();
            if (pipelines.Length != 1) throw new BadInputException($"the demo needs settings with one pipeline, {settings.Name} has {pipelines.Length.ToString(CultureInfo.InvariantCulture)}");
            var options = DemoOptions($"stream-mlops.pipelines.{pipelines[0]}.source", parsed.GetValue(rows), parsed.GetValue(seed), parsed.GetValue(data), parsed.GetValue(format));
            // A file of its own gets a folder of its own: a lineage that has learned one log cannot go on with another.
            var folder = parsed.GetValue(_dataFolder)
                ?? (settings.At("stream-mlops.data-folder") is null ? Path.Combine("streammlops-data", parsed.GetValue(data) is { } f ? $"demo-{Path.GetFileName(f).Split('.')[0]}" : "demo") : null);
            if (folder is not null) options = options.Overlay(ConfigNodes.At("stream-mlops.data-folder", new ConfigNode.Text(folder)));
            if (parsed.GetValue(audit) < 0) throw new BadInputException("--audit must be 0 or more");
            if (parsed.GetValue(kafka))
            {
                if (parsed.GetValue(data) is not null) throw new BadInputException("--kafka feeds the generated stream; leave --data out");
                return DemoKafka(settings, options, pipelines[0], parsed.GetValue(_dataFolder), parsed.GetValue(audit), parsed.GetValue(_plain), parsed.GetValue(_verbose), stop);
            }
            return new RunCommand(nodes, terminal, time).Run(
                new RunRequest([settings, HoconDocument.Of("command line", options)], pipelines[0], parsed.GetValue(audit), Stages: true, parsed.GetValue(_plain), parsed.GetValue(_verbose)), stop);
        });
        return command;
    }

    private async Task<int> DemoKafka(HoconDocument settings, ConfigNode.Map options, string pipeline, string? folder, int audit, bool plain, bool verbose, CancellationToken stop)
    {
        var generator = SettingsFile.Validate([settings, HoconDocument.Of("command line", options)]).Settings!.Pipelines[0].Source.Generator;
        using var broker = new EmbeddedBroker(
            new UrlGeneratorSettings(generator.Rows, generator.Seed) { RowsPerDay = generator.RowsPerDay, Noise = generator.Noise, Positives = generator.Positives }, audit, seed: Random.Shared.Next());
        var path = $"stream-mlops.pipelines.{pipeline}";
        options = options.Overlay(broker.Settings(path, time.GetUtcNow()))
            .Overlay(ConfigNodes.At("stream-mlops.data-folder", new ConfigNode.Text(folder ?? Path.Combine("streammlops-data", "demo-kafka"))));
        terminal.Out.WriteLine($"Kafka broker at {broker.BootstrapServers} (librdkafka {NativeLibrdkafka.Version}, in this process, gone with it): topics {EmbeddedBroker.Features}, {EmbeddedBroker.Predictions}, {EmbeddedBroker.DeadLetters}.");
        terminal.Out.WriteLine($"Look at it with any client:  kcat -b {broker.BootstrapServers} -t {EmbeddedBroker.Predictions} -o end");
        broker.Start();
        return await new RunCommand(nodes, terminal, time).Run(
            new RunRequest([settings, HoconDocument.Of("command line", options)], pipeline, audit, Stages: true, plain, verbose, broker), stop).ConfigureAwait(false);
    }

    private static ConfigNode.Map DemoOptions(string source, long? rows, ulong? seed, string? data, string? format)
    {
        var options = ConfigNode.Map.Empty;
        void Set(string key, string value) => options = options.Overlay(ConfigNodes.At($"{source}.{key}", new ConfigNode.Text(value)));
        if (data is not null && (rows ?? (object?)seed) is not null) throw new BadInputException("--rows and --seed are for the generator; --data reads a file as it is");
        if (data is null && format is not null) throw new BadInputException("--format is for a file; name one with --data");
        if (rows is { } n) Set("generator.rows", n.ToString(CultureInfo.InvariantCulture));
        if (seed is { } s) Set("generator.seed", s.ToString(CultureInfo.InvariantCulture));
        if (data is null) return options;
        Set("kind", "file");
        Set("path", data);
        Set("format", format ?? (Path.GetFileName(data).Split('.').Any(e => e is "json" or "jsonl" or "ndjson") ? "json" : Path.GetFileName(data).Split('.').Contains("csv") ? "csv" : "svmlight"));
        return options;
    }

    private Command RunPipeline(CancellationToken stop)
    {
        var config = new Option<string>("--config") { Description = "A settings file in HOCON, laid over the reference.", HelpName = "FILE", Required = true };
        var pipeline = new Option<string?>("--pipeline") { Description = "The pipeline to run, where the settings name several.", HelpName = "NAME" };
        var command = new Command("run", "Run a pipeline until its source ends or Ctrl-C; run again, it goes on from where it was.") { config, _dataFolder, pipeline, _plain };
        command.SetAction((parsed, _) =>
        {
            var layers = new List<HoconDocument> { SettingsFile.Read(parsed.GetRequiredValue(config)) };
            if (parsed.GetValue(_dataFolder) is { } folder) layers.Add(HoconDocument.Of("command line", ConfigNodes.At("stream-mlops.data-folder", new ConfigNode.Text(folder))));
            return new RunCommand(nodes, terminal, time).Run(new RunRequest(layers, parsed.GetValue(pipeline), Audit: 0, Stages: false, parsed.GetValue(_plain), parsed.GetValue(_verbose)), stop);
        });
        return command;
    }

    private Command Node(CancellationToken stop)
    {
        var config = new Option<string>("--config") { Description = "A settings file in HOCON, laid over the reference.", HelpName = "FILE", Required = true };
        var json = new Option<bool>("--json") { Description = "One JSON object a second, for programs." };
        var command = new Command("node", "Run a node of a cluster: it scores its share of the partitions and runs the learners that the cluster gives it.") { config, _dataFolder, json };
        command.SetAction((parsed, _) =>
        {
            var layers = new List<HoconDocument> { SettingsFile.Read(parsed.GetRequiredValue(config)) };
            if (parsed.GetValue(_dataFolder) is { } folder) layers.Add(HoconDocument.Of("command line", ConfigNodes.At("stream-mlops.data-folder", new ConfigNode.Text(folder))));
            return new NodeCommand(terminal, time).Run(new NodeRequest(layers, parsed.GetValue(json), parsed.GetValue(_verbose)), stop);
        });
        return command;
    }

    private Command Audit(CancellationToken stop)
    {
        var predictions = new Argument<string?>("PREDICTIONS") { Description = "File of predictions, - for standard input; without it, the data folder's.", Arity = ArgumentArity.ZeroOrOne };
        var id = new Option<string[]>("--id") { Description = "Only predictions with this id; may be repeated.", HelpName = "ID" };
        var sample = new Option<int>("--sample") { Description = "Only so many, chosen at random.", HelpName = "N" };
        var seed = new Option<int>("--seed") { Description = "Seed of the choice.", HelpName = "S" };
        var explain = new Option<int>("--explain") { Description = "Say of each why the model answered so: the N features that added or took most, by name.", HelpName = "N" };
        var command = new Command("audit", "Recompute predictions from the journal and compare them bit for bit.") { predictions, _dataFolder, _config, id, sample, seed, explain };
        command.SetAction((parsed, _) => parsed.GetValue(explain) < 0 ? throw new BadInputException("--explain must be 0 or more") : new JournalCommands(nodes, terminal, time).Audit(
            new AuditRequest(parsed.GetValue(_dataFolder), parsed.GetValue(_config), parsed.GetValue(predictions), parsed.GetValue(id) ?? [], parsed.GetValue(sample), parsed.GetValue(seed), parsed.GetValue(explain), parsed.GetValue(_verbose)), stop));
        return command;
    }

    private Command Weights(CancellationToken stop)
    {
        var top = new Option<int>("--top") { Description = "How many (20).", HelpName = "N", DefaultValueFactory = _ => 20 };
        var command = new Command("weights", "Show the features that weigh most in each learner's newest model, by the names that the journal's rows gave them.") { _dataFolder, _config, top };
        command.SetAction((parsed, _) => parsed.GetValue(top) < 1 ? throw new BadInputException("--top must be 1 or more") : new JournalCommands(nodes, terminal, time).Weights(
            parsed.GetValue(_dataFolder), parsed.GetValue(_config), parsed.GetValue(top), parsed.GetValue(_verbose), stop));
        return command;
    }

    private Command Verify(CancellationToken stop)
    {
        var command = new Command("verify", "Fold the journal from nothing and compare every fingerprint and snapshot.") { _dataFolder };
        command.SetAction((parsed, _) => new JournalCommands(nodes, terminal, time).Verify(parsed.GetValue(_dataFolder), parsed.GetValue(_verbose), stop));
        return command;
    }

    private Command Ledger(CancellationToken stop)
    {
        var json = new Option<bool>("--json") { Description = "One JSON object a learner, for programs." };
        var command = new Command("ledger", "Account for every record of every partition: how many ended how, and that none is missing.") { _dataFolder, _config, json };
        command.SetAction((parsed, _) => new JournalCommands(nodes, terminal, time).Ledger(parsed.GetValue(_dataFolder), parsed.GetValue(_config), parsed.GetValue(json), parsed.GetValue(_verbose), stop));
        return command;
    }

    private Command Archive(CancellationToken stop)
    {
        var command = new Command("archive", "Move events that recovery does not need from the journal to files, which audit and verify go on reading; also beside a running node.") { _dataFolder, _config };
        command.SetAction((parsed, _) => new JournalCommands(nodes, terminal, time).Archive(parsed.GetValue(_dataFolder), parsed.GetValue(_config), parsed.GetValue(_verbose), stop));
        return command;
    }

    private Command Change(string name, string description, CancellationToken stop)
    {
        var pipeline = new Option<string?>("--pipeline") { Description = "The pipeline, where the node runs several.", HelpName = "NAME" };
        var why = new Option<string>("--why") { Description = "The reason; it stays in the journal.", HelpName = "TEXT", Required = true };
        var who = new Option<string>("--who") { Description = "Who asks; without it, the user of this process.", HelpName = "NAME", DefaultValueFactory = _ => Environment.UserName };
        var group = new Option<long>("--group") { Description = "The group that is meant, as the journal's alerts number it; without it, the current one.", HelpName = "N" };
        var command = new Command(name, description + " An event of the journal, with who asked, when and why.") { _dataFolder, pipeline, why, who };
        if (name == "revoke") command.Options.Add(group);
        command.SetAction((parsed, _) => name == "revoke" && parsed.GetValue(group) < 0 ? throw new BadInputException("--group must be 1 or more") : new ChangeCommand(terminal).Run(
            parsed.GetValue(_dataFolder), new ControlRequest(name, parsed.GetValue(pipeline), parsed.GetRequiredValue(who), parsed.GetRequiredValue(why), name == "revoke" ? parsed.GetValue(group) : 0), stop));
        return command;
    }

    private Command DeadLetters()
    {
        var file = new Argument<string?>("FILE") { Description = "File of dead letters; without it, the pipeline's.", Arity = ArgumentArity.ZeroOrOne };
        var pipeline = new Option<string?>("--pipeline") { Description = "The pipeline, where the settings name several.", HelpName = "NAME" };
        var stage = new Option<string?>("--stage") { Description = "Only those of this stage (decode, featurize).", HelpName = "STAGE" };
        var reason = new Option<string?>("--reason") { Description = "Only those with this fault, or with this text in their reason.", HelpName = "TEXT" };
        var show = new Option<long?>("--show") { Description = "Show one whole, by its number in the list.", HelpName = "N" };
        var requeue = new Option<string?>("--requeue") { Description = "Append the records that the settings can read now to a file. The dead letters stay; none is requeued twice.", HelpName = "TO" };
        var command = new Command("dead-letters", "List records that are no rows, show one, or requeue them after a fix.") { file, _dataFolder, _config, pipeline, stage, reason, show, requeue };
        command.SetAction(parsed => new DeadLetterCommands(terminal).Run(new DeadLetterRequest(
            parsed.GetValue(_dataFolder), parsed.GetValue(_config), parsed.GetValue(pipeline), parsed.GetValue(file), parsed.GetValue(stage), parsed.GetValue(reason), parsed.GetValue(show), parsed.GetValue(requeue))));
        return command;
    }

    private Command Config()
    {
        var config = new Option<string>("--config") { Description = "The settings file.", HelpName = "FILE", Required = true };
        var check = new Command("check", "Tell every fault of a settings file, or the settings that it gives.") { config };
        check.SetAction(parsed =>
        {
            var settings = SettingsFile.Validate([SettingsFile.Read(parsed.GetRequiredValue(config))]).Settings!;
            terminal.Out.Write(settings.ToConfig().ToHocon());
        });
        return new Command("config", "Settings.") { check };
    }
}

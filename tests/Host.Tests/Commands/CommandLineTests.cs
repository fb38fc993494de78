using System.Globalization;
using StreamMLOps.Actors;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Host.Tests.Commands;

public sealed class CommandLineTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FakeNodes _nodes = new();
    private readonly StringWriter _out = new();
    private readonly StringWriter _error = new();
    private readonly CancellationTokenSource _stop = new();

    private string Data => _folder.File("data");

    public void Dispose()
    {
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        _folder.Dispose();
        _stop.Dispose();
    }

    [Fact]
    public async Task Help_lists_the_commands_and_the_exit_statuses()
    {
        Assert.Equal(ExitStatus.Ok, await Run("--help"));
        foreach (var word in new[] { "demo", "run", "audit", "verify", "config", "models", "Exit status: 0", "130" }) Assert.Contains(word, _out.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("fly", "'fly'")]
    [InlineData("demo --rows many", "'many'")]
    [InlineData("demo --colour", "'--colour'")]
    [InlineData("run", "--config")]
    [InlineData("config check", "--config")]
    [InlineData("demo --format xml", "'xml'")]
    public async Task A_command_line_that_makes_no_sense_is_one_line_and_status_2(string line, string named)
    {
        Assert.Equal(ExitStatus.BadInput, await Run(line.Split(' ')));
        Assert.Contains(named, OneErrorLine(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_demo_scores_learns_sums_up_and_audits()
    {
        _nodes.Statuses.Enqueue(FakeNodes.Status(0, 0, ScoreLegState.WaitingForModel, LearnerState.Recovering));
        _nodes.Statuses.Enqueue(FakeNodes.Status(5_000, 4_000));
        _nodes.Statuses.Enqueue(FakeNodes.Finished(10_000, deadLetters: 3));
        _nodes.OnStatus = WritePredictions;
        Assert.Equal(ExitStatus.Ok, await Run("demo", "--rows", "10000", "--seed", "5", "--data-folder", Data, "--audit", "7"));
        var source = _nodes.Started!.Pipeline!.Source;
        Assert.Equal((SourceKind.Generator, 10_000, 5ul), (source.Kind, source.Generator.Rows, source.Generator.Seed));
        Assert.Equal(Data, _nodes.Started.Settings.DataFolder);
        var text = _out.ToString();
        foreach (var expected in new[]
        {
            "10,000 rows scored and 10,000 learned in",
            "error 2.20 %, AUC 0.9876",
            "10,003 consumed = 10,000 predicted + 3 dead-lettered + 0 skipped",
            "10,000 predicted = 10,000 learned + 0 unlabelled + 0 frozen + 0 expired: balances",
            "7 predictions audited in",
            ": 7 identical",
            "streammlops audit --data-folder",
        }) Assert.Contains(expected, text, StringComparison.Ordinal);
        Assert.True(_nodes.Stopped && _nodes.Disposed);
        Assert.Empty(_error.ToString());
    }

    [Fact]
    public async Task The_demo_reads_a_real_file_by_its_name()
    {
        _nodes.Statuses.Enqueue(FakeNodes.Finished(2));
        var file = _folder.Write("rows.json.gz", "");
        Assert.Equal(ExitStatus.Ok, await Run("demo", "--data", file, "--data-folder", Data, "--audit", "0"));
        Assert.Equal((SourceKind.File, file, RecordFormat.Json), (_nodes.Started!.Pipeline!.Source.Kind, _nodes.Started.Pipeline.Source.Path, _nodes.Started.Pipeline.Source.Format.Kind));
        Assert.Equal(ExitStatus.Ok, await Run("demo", "--data", file, "--format", "svmlight", "--data-folder", Data, "--audit", "0"));
        Assert.Equal(RecordFormat.SvmLight, _nodes.Started.Pipeline.Source.Format.Kind);
    }

    [Theory]
    [InlineData("demo --data nowhere.svm", "data file nowhere.svm is not there")]
    [InlineData("demo --data .", "data file . is a folder")]
    [InlineData("demo --data x --rows 1", "--rows and --seed are for the generator; --data reads a file as it is")]
    [InlineData("demo --format json", "--format is for a file; name one with --data")]
    [InlineData("demo --audit -1", "--audit must be 0 or more")]
    [InlineData("demo --config nowhere.conf", "settings file nowhere.conf is not there")]
    [InlineData("config check --config nowhere.conf", "settings file nowhere.conf is not there")]
    public async Task Bad_input_is_one_clear_line_and_status_2(string line, string message)
    {
        string[] folder = line.StartsWith("demo", StringComparison.Ordinal) ? ["--data-folder", Data] : [];
        Assert.Equal(ExitStatus.BadInput, await Run([.. line.Split(' '), .. folder]));
        Assert.Equal(message, OneErrorLine());
    }

    [Fact]
    public async Task Unreadable_hocon_is_told_with_its_line()
    {
        var file = _folder.Write("bad.conf", "a {\n  b = 1\n");
        Assert.Equal(ExitStatus.BadInput, await Run("run", "--config", file));
        Assert.Equal($"{file}, line 1: '{{' is never closed", OneErrorLine());
    }

    [Fact]
    public async Task All_faults_of_a_settings_file_are_told_a_line_each()
    {
        var file = _folder.Write("bad.conf", "stream-mlops.pipelines.p {\n  source.kind = generator\n  learn.max-rows = many\n  lern.x = 1\n}\n");
        Assert.Equal(ExitStatus.BadInput, await Run("config", "check", "--config", file));
        Assert.Equal(
            [
                $"stream-mlops.pipelines.p.learn.max-rows: must be a whole number from 1 to 65536, not 'many' ({file}, line 3)",
                $"stream-mlops.pipelines.p.lern: unknown key; did you mean learn? ({file}, line 4)",
            ],
            _error.ToString().TrimEnd().Split(Environment.NewLine.ToCharArray()));
    }

    [Fact]
    public async Task Sound_settings_are_shown_whole_and_can_be_read_again()
    {
        var file = _folder.Write("good.conf", "stream-mlops.pipelines.p.source.kind = generator");
        Assert.Equal(ExitStatus.Ok, await Run("config", "check", "--config", file));
        Assert.Equal("p", NodeSettingsReader.Parse(_out.ToString()).Pipelines.Single().Name);
        Assert.Contains("max-rows = 4096", _out.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_models_are_listed_with_their_parameters()
    {
        Assert.Equal(ExitStatus.Ok, await Run("models"));
        foreach (var word in new[] { "logistic-regression", "optimizer = adagrad", "ftrl", "precision = single" }) Assert.Contains(word, _out.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_in_use_is_one_line_and_status_2()
    {
        using var held = DataFolder.Hold(Data);
        Assert.Equal(ExitStatus.BadInput, await Run("demo", "--data-folder", Data));
        Assert.Equal($"data folder {Data} is in use by process {Environment.ProcessId}; stop it, or name another folder with --data-folder", OneErrorLine());
    }

    [Fact]
    public async Task A_pipeline_is_chosen_by_name_where_there_are_several()
    {
        _nodes.Statuses.Enqueue(FakeNodes.Finished(1));
        var file = _folder.Write("two.conf", "stream-mlops.pipelines { a.source.kind = generator\n b { source.kind = generator, sink { predictions = b.jsonl, dead-letters = c.jsonl } } }");
        Assert.Equal(ExitStatus.BadInput, await Run("run", "--config", file, "--data-folder", Data));
        Assert.Equal("the settings name several pipelines; choose one with --pipeline: a, b", OneErrorLine());
        Assert.Equal(ExitStatus.BadInput, await Run("run", "--config", file, "--data-folder", Data, "--pipeline", "c"));
        Assert.Equal("there is no pipeline 'c'; there are: a, b", OneErrorLine());
        Assert.Equal(ExitStatus.Ok, await Run("run", "--config", file, "--data-folder", Data, "--pipeline", "b"));
        Assert.Equal("b", _nodes.Started!.Pipeline!.Name);
    }

    [Fact]
    public async Task What_the_learner_refuses_ends_the_run_with_its_words()
    {
        _nodes.Statuses.Enqueue(FakeNodes.Status(0, 0, learner: LearnerState.Refused, detail: "the configuration differs; start a new lineage"));
        Assert.Equal(ExitStatus.BadInput, await Run("demo", "--data-folder", Data));
        Assert.Equal("the configuration differs; start a new lineage", OneErrorLine());
        Assert.True(_nodes.Disposed);
    }

    [Fact]
    public async Task An_interrupt_drains_and_sums_up_without_an_audit()
    {
        _nodes.Statuses.Enqueue(FakeNodes.Status(500, 400));
        _nodes.OnStatus = _stop.Cancel;
        Assert.Equal(ExitStatus.Ok, await Run("demo", "--data-folder", Data));
        Assert.True(_nodes.Stopped);
        Assert.Contains("Stopping:", _out.ToString(), StringComparison.Ordinal);
        Assert.Contains("500 rows scored and 400 learned", _out.ToString(), StringComparison.Ordinal);
        Assert.Contains("100 positions pending: balances so far", _out.ToString(), StringComparison.Ordinal);
        Assert.Contains("Run it again to go on from here.", _out.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("audited", _out.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_drain_that_the_database_holds_up_is_told_in_one_line()
    {
        _nodes.Statuses.Enqueue(FakeNodes.Status(500, 400));
        _nodes.OnStatus = _stop.Cancel;
        _nodes.StopFails = new TimeoutException();
        Assert.Equal(ExitStatus.Failed, await Run("demo", "--data-folder", Data));
        Assert.Contains("nothing is lost", OneErrorLine(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failure_of_the_program_is_one_line_unless_verbose()
    {
        _nodes.StartFails = new InvalidOperationException("the port is gone");
        Assert.Equal(ExitStatus.Failed, await Run("demo", "--data-folder", Data));
        Assert.Equal("failed: the port is gone (--verbose tells where)", OneErrorLine());
        Assert.Equal(ExitStatus.Failed, await Run("demo", "--data-folder", Data, "--verbose"));
        Assert.Contains("   at ", _error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_ledger_that_does_not_balance_is_status_1()
    {
        var finished = FakeNodes.Finished(10);
        _nodes.Statuses.Enqueue(finished with { Ledger = [finished.Ledger[0] with { Consumed = 12 }] });
        Assert.Equal(ExitStatus.Differs, await Run("demo", "--data-folder", Data, "--audit", "0"));
        Assert.Contains("DOES NOT BALANCE: 2 and 0 left over", _out.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(AuditOutcome.Identical, ExitStatus.Ok, "identical")]
    [InlineData(AuditOutcome.Differs, ExitStatus.Differs, "differs")]
    [InlineData(AuditOutcome.FeaturesExpired, ExitStatus.FeaturesExpired, "features expired")]
    [InlineData(AuditOutcome.UnknownVersion, ExitStatus.Differs, "unknown version")]
    public async Task The_exit_status_of_an_audit_tells_the_worst_outcome(AuditOutcome outcome, int status, string words)
    {
        PrepareJournal();
        _nodes.Auditing = p => p.Id == "0-3" ? new AuditResult(p, outcome, 0.25, "journal") : new AuditResult(p, AuditOutcome.Identical, p.Score, "journal");
        Assert.Equal(status, await Run("audit", "--data-folder", Data));
        var lines = _out.ToString().Split('\n');
        Assert.StartsWith(words, lines[3], StringComparison.Ordinal);
        Assert.Contains("0-3  p version main/0/4  stored 0.5 (3fe0000000000000)", lines[3], StringComparison.Ordinal);
        Assert.StartsWith("10 predictions audited in", lines[10], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_difference_outweighs_expired_features()
    {
        PrepareJournal();
        _nodes.Auditing = p => new AuditResult(p, p.Offset == 0 ? AuditOutcome.FeaturesExpired : p.Offset == 1 ? AuditOutcome.Differs : AuditOutcome.Identical, 0.25, "journal");
        Assert.Equal(ExitStatus.Differs, await Run("audit", "--data-folder", Data));
    }

    [Fact]
    public async Task Predictions_to_audit_are_chosen_by_id_by_chance_or_from_standard_input()
    {
        PrepareJournal();
        Assert.Equal(ExitStatus.Ok, await Run("audit", "--data-folder", Data, "--id", "0-7", "--id", "0-2"));
        Assert.Equal(["0-2", "0-7"], AuditedIds());
        Assert.Equal(ExitStatus.Ok, await Run("audit", "--data-folder", Data, "--sample", "3", "--seed", "5"));
        var chosen = AuditedIds();
        Assert.Equal(3, chosen.Distinct().Count());
        Assert.Equal(ExitStatus.Ok, await Run("audit", "--data-folder", Data, "--sample", "3", "--seed", "5"));
        Assert.Equal(chosen, AuditedIds());
        Assert.Equal(ExitStatus.Ok, await RunWith(Line(4) + "\n" + Line(6) + "\n", "audit", "--data-folder", Data, "-"));
        Assert.Equal(["0-4", "0-6"], AuditedIds());
        Assert.Equal(ExitStatus.BadInput, await Run("audit", "--data-folder", Data, "--id", "0-77"));
        Assert.Contains("holds no prediction with id 0-77", OneErrorLine(), StringComparison.Ordinal);
        Assert.Equal(ExitStatus.BadInput, await RunWith("nonsense\n", "audit", "--data-folder", Data, "-"));
        Assert.StartsWith("standard input, line 1: not a prediction", OneErrorLine(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_audit_knows_the_settings_that_last_ran()
    {
        PrepareJournal();
        await Run("audit", "--data-folder", Data);
        Assert.Equal("p", _nodes.Opened!.Settings.Pipelines.Single().Name);
    }

    [Fact]
    public async Task A_verification_that_finds_a_fault_is_status_1()
    {
        PrepareJournal();
        var sound = new Verification("learner/p/main/0", 12, 3_400, 12, 0xfeed, default, default, 2, []);
        _nodes.Verifications.Add(sound);
        Assert.Equal(ExitStatus.Ok, await Run("verify", "--data-folder", Data));
        Assert.Contains("sound   learner/p/main/0: 12 events, 3,400 rows learned, version 12, fingerprint 000000000000feed", _out.ToString(), StringComparison.Ordinal);
        _nodes.Verifications[0] = sound with { Faults = ["snapshot 7 has another hash"] };
        Assert.Equal(ExitStatus.Differs, await Run("verify", "--data-folder", Data));
        Assert.Contains("FAULTY  learner/p/main/0", _out.ToString(), StringComparison.Ordinal);
        Assert.Contains("snapshot 7 has another hash", _out.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("audit")]
    [InlineData("verify")]
    public async Task Without_a_data_folder_there_is_nothing_to_read(string command)
    {
        Assert.Equal(ExitStatus.BadInput, await Run(command, "--data-folder", Data));
        Assert.Equal($"data folder {Data} is not there; name one with --data-folder", OneErrorLine());
    }

    private Task<int> Run(params string[] args) => RunWith("", args);

    private Task<int> RunWith(string input, params string[] args)
    {
        _out.GetStringBuilder().Clear();
        _error.GetStringBuilder().Clear();
        return new CommandLine(_nodes, new Terminal(_out, _error, new StringReader(input), null), TimeProvider.System).Run(args, _stop.Token);
    }

    private string OneErrorLine()
    {
        var text = _error.ToString();
        Assert.EndsWith(Environment.NewLine, text, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', text.TrimEnd());
        return text.TrimEnd();
    }

    private string[] AuditedIds() => [.. _out.ToString().Split('\n').Where(l => l.StartsWith("identical", StringComparison.Ordinal)).Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1])];

    private void PrepareJournal()
    {
        using var folder = DataFolder.Hold(Data);
        File.WriteAllText(folder.Journal, "");
        folder.Remember(HoconDocument.Parse($"stream-mlops {{ data-folder = \"{Data}\", pipelines.p.source.kind = generator }}", "f"));
        WritePredictions();
    }

    private void WritePredictions() => File.WriteAllLines(Path.Combine(Data, "predictions.jsonl"), Enumerable.Range(0, 10).Select(Line));

    private static string Line(int i) => string.Create(CultureInfo.InvariantCulture,
        $"{{\"id\":\"0-{i}\",\"pipeline\":\"p\",\"partition\":0,\"epoch\":\"00000000000000ff\",\"offset\":{i},\"lineage\":\"main\",\"shard\":0,\"sequence\":{i + 1},\"score\":0.5,\"label\":0,\"eventTime\":null,\"time\":1700000000000}}");

    [Fact]
    public async Task Archive_tells_for_each_learner_what_was_moved_where_and_why_the_rest_stays()
    {
        PrepareJournal();
        foreach (var name in new[] { "a", "b" }) _nodes.Verifications.Add(new Verification($"learner/{name}/main/0", 3, 7, 3, 0, default, default, 0, []));
        _nodes.Archives.Add(new Archived("learner/a/main/0", 1, 4711, 1_000_000, "recovery may begin from the snapshot at event 4712"));
        _nodes.Archives.Add(new Archived("learner/b/main/0", 5, 4, 0, "recovery needs 3 sound snapshots to begin from, and there are 2"));
        Assert.Equal(ExitStatus.Ok, await Run("archive", "--data-folder", Data));
        Assert.Contains($"learner/a/main/0: events 1 to 4,711, 1,000,000 bytes, moved to {Path.Combine(Data, "archive")}; recovery may begin", _out.ToString(), StringComparison.Ordinal);
        Assert.Contains("learner/b/main/0: nothing to move; recovery needs 3 sound snapshots", _out.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, ExitStatus.Ok, "balances")]
    [InlineData(3, ExitStatus.Differs, "DOES NOT BALANCE")]
    public async Task The_ledger_accounts_for_every_record_or_says_what_is_left_over(long missing, int status, string says)
    {
        PrepareJournal();
        _nodes.Verifications.Add(new Verification("learner/urls/main/0", 3, 7, 3, 0, default, default, 0, []));
        _nodes.Ledgers.Add(new LearnerLedger(
            "urls", new ModelVersion("main", 0, 3), [new PartitionLedger(0, 7, 0, 20 + missing, 7, 0, 1, 2, 0, 4, 1, 5)], [new LabelLedger(0, 8, 0, 14, 7, 0, 1, 1, 1, 1, 1, 1, 0, 1, 2)]));
        Assert.Equal(status, await Run("ledger", "--data-folder", Data));
        Assert.Contains(says, _out.ToString(), StringComparison.Ordinal);
        Assert.Contains("7 learned + 5 waiting + 4 expired + 1 duplicate + 1 dead-lettered + 2 skipped", _out.ToString(), StringComparison.Ordinal);
        _out.GetStringBuilder().Clear();
        Assert.Equal(status, await Run("ledger", "--json", "--data-folder", Data));
        using var json = System.Text.Json.JsonDocument.Parse(_out.ToString());
        Assert.Equal(missing == 0, json.RootElement.GetProperty("balances").GetBoolean());
        Assert.Equal(missing, json.RootElement.GetProperty("rows")[0].GetProperty("remainder").GetInt64());
        Assert.Equal(2, json.RootElement.GetProperty("labels")[0].GetProperty("early").GetInt64());
    }
}

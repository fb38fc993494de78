using System.Globalization;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Tests.Settings;

public sealed class NodeSettingsTests
{
    private const string Smallest = "stream-mlops.pipelines.p.source.kind = generator\n";

    [Fact]
    public void Every_default_is_what_the_reference_says()
    {
        var node = NodeSettingsReader.Parse("stream-mlops.pipelines.p.source.path = rows.svm");
        var p = Assert.Single(node.Pipelines);
        Assert.Equal("streammlops-data", node.DataFolder);
        Assert.Equal(new JournalSettings(JournalProvider.Sqlite, "", TimeSpan.FromSeconds(5)) { Archive = Path.Combine("streammlops-data", "archive") }, node.Journal);
        Assert.Equal("p", p.Name);
        Assert.Equal("main", p.Lineage);
        var json = new JsonMapping("id", "f", "y", "st");
        Assert.Equal(new SourceSettings(SourceKind.File, "rows.svm", "", false, 256, new FormatSettings(RecordFormat.SvmLight, json), new GeneratorSettings(200_000, 7, 20_000, 0.01, 0.33)), p.Source);
        Assert.Empty(p.Featurize.Steps);
        Assert.Equal("logistic-regression", p.Model.Kind.Name);
        Assert.Equal(LabelSource.Inline, p.Labels);
        Assert.Equal(new LearnSettings(4096, 1 << 20, TimeSpan.FromMilliseconds(20), 1), p.Learn);
        Assert.Equal(new SnapshotSettings(1000, 64L << 20, 3), p.Snapshots);
        Assert.Equal(new SinkSettings(SinkKind.File, Path.Combine("streammlops-data", "predictions.jsonl"), Path.Combine("streammlops-data", "dead-letters.jsonl")), p.Sink);
        Assert.Equal(new AuditSettings(AuditKeep.Learned), p.Audit);
        Assert.Equal(new LimitSettings(1 << 20, 64 << 10, 0.05, 10_000), p.Limits);
    }

    [Fact]
    public void Alerts_and_drift_are_off_by_default_and_their_faults_are_told_with_the_path()
    {
        var off = NodeSettingsReader.Parse(Smallest).Pipelines[0];
        Assert.Equal((new AlertSettings("", ""), new DriftSettings([])), (off.Alerts, off.Drift));
        Assert.DoesNotContain("drift", off.GenesisText);
        Assert.False(off.Genesis.Fields.ContainsKey("drift"));
        var on = NodeSettingsReader.Parse(Smallest + "stream-mlops { data-folder = d, pipeline-defaults.drift.errors = ddm, pipelines.p { alerts.path = a.jsonl, drift { errors { adwin { delta = 0.01 } }, scores = kswin } } }").Pipelines[0];
        Assert.Equal(Path.Combine("d", "a.jsonl"), on.Alerts.Path);
        Assert.Equal(["adwin", "kswin"], on.Drift.Watches.Select(w => w.Detector.Name));
        Assert.Equal(on.Drift, DriftSettings.ReadGenesis(on.Genesis));
        Assert.NotEqual(off.GenesisText, on.GenesisText);
        const string P = "stream-mlops.pipelines.p";
        Assert.Contains("p.alerts.topic: alerts go to a file or to a topic", Fault(Smallest + $"{P}.alerts {{ path = a, topic = b }}\n{P}.kafka.bootstrap-servers = \"a:1\""));
        Assert.Contains("names no broker", Fault(Smallest + $"{P}.alerts.topic = b"));
        Assert.Contains("p.drift.errors: must be none, or one detector", Fault(Smallest + $"{P}.drift.errors = guess"));
        Assert.Contains("p.drift.scores.adwin.delta: must be a number", Fault(Smallest + $"{P}.drift.scores {{ adwin {{ delta = 2 }} }}"));
        Assert.Contains("p.drift.errors: ddm takes 0 to 1", Fault(Smallest + $"{P} {{ model = linear-regression, drift.errors = ddm }}"));
        Assert.Contains("did you mean errors", Fault(Smallest + $"{P}.drift.error = ddm"));
        Assert.Contains("p.alerts.path: is the file of p.sink.predictions too", Fault(Smallest + $"{P}.alerts.path = predictions.jsonl"));

        static string Fault(string text) => Assert.Single(NodeSettingsReader.Read(HoconDocument.Parse(text, "s")).Faults).ToString();
    }

    [Fact]
    public void Rows_by_reference_are_refused_where_labels_come_apart()
    {
        const string Apart = "stream-mlops { journal.rows = referenced, pipelines.p { source { path = rows.jsonl, format = json }, labels = topic, label-source.path = labels.jsonl } }";
        var fault = Assert.Single(NodeSettingsReader.Read(HoconDocument.Parse(Apart, "s")).Faults);
        Assert.Equal("stream-mlops.journal.rows", fault.Path);
        Assert.Contains("pipeline p has labels = topic", fault.Message);
        Assert.Equal(JournalRows.Referenced, NodeSettingsReader.Parse(Smallest + "stream-mlops.journal.rows = referenced").Journal.Rows);
    }

    [Fact]
    public void Exactly_once_needs_topics_idempotent_producers_and_readers_of_what_is_committed()
    {
        const string Kafka = """
            stream-mlops.pipelines.p {
              delivery = exactly-once
              kafka { bootstrap-servers = "a:9092" }
              source { kind = kafka, topic = rows }
              sink { kind = kafka, predictions = predictions, dead-letters = dead-letters }
            }

            """;
        Assert.Equal(Delivery.ExactlyOnce, NodeSettingsReader.Parse(Kafka).Pipelines[0].Delivery);
        Assert.Equal(Delivery.AtLeastOnce, NodeSettingsReader.Parse(Smallest).Pipelines[0].Delivery);
        Assert.Contains("needs source.kind = kafka and sink.kind = kafka", Fault(Smallest + "stream-mlops.pipelines.p.delivery = exactly-once"));
        Assert.Contains("must be on for delivery = exactly-once", Fault(Kafka + "stream-mlops.pipelines.p.kafka.idempotent = off"));
        Assert.Contains("isolation.level must be read_committed", Fault(Kafka + "stream-mlops.pipelines.p.kafka.kafka-clients { isolation.level = read_uncommitted }"));
        Assert.Contains("transactional.id is this program's own", Fault(Kafka + "stream-mlops.pipelines.p.kafka.kafka-clients { transactional.id = mine }"));

        static string Fault(string hocon) => Assert.Single(NodeSettingsReader.Read(HoconDocument.Parse(hocon, "s")).Faults).Message;
    }

    [Fact]
    public void Every_key_of_the_reference_is_read_and_every_key_read_is_in_the_reference()
    {
        // Unread keys and missing keys are faults, so the reference alone proves the pair.
        Assert.Empty(NodeSettingsReader.Read().Faults);
        foreach (var path in Leaves(NodeSettingsReader.Reference.Root, "").Where(p => !p.StartsWith("stream-mlops.pipelines", StringComparison.Ordinal)))
        {
            var without = NodeSettingsReader.Reference with { Root = Without(NodeSettingsReader.Reference.Root, path.Split('.')) };
            Assert.Contains(NodeSettingsReader.Read(without, []).Faults, f => f.Path == path && f.Message.StartsWith("missing", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Every_key_of_the_reference_has_a_comment()
    {
        var lines = NodeSettingsReader.ReferenceText().Split('\n');
        var undocumented = new List<string>();
        for (var i = 0; i < lines.Length; i++)
        {
            if (!lines[i].Contains('=', StringComparison.Ordinal) || lines[i].TrimStart().StartsWith('#')) continue;
            // The comment of a group of keys stands above the group or above its block.
            var above = i - 1;
            while (above > 0 && lines[above].Trim() is var l && (l.EndsWith('{') || (l.Contains('=', StringComparison.Ordinal) && !l.StartsWith('#')))) above--;
            if (!lines[above].TrimStart().StartsWith('#')) undocumented.Add(lines[i].Trim());
        }
        Assert.Empty(undocumented);
    }

    [Fact]
    public void All_faults_are_told_at_once_each_with_its_path_and_line()
    {
        const string text = """
            stream-mlops {
              data-foldr = x
              journal.provider = postgresql
              pipelines.x {
                learn { max-rows = many, max-bytes = 1 TiB, max-wait = 20 }
                labels = some
                source { kind = rabbit, chunk-rows = 0, follow = perhaps }
                model { algorithm = logistic-regression, l3 = 1, optimizer { adagrad { rate = -1 } } }
                featurize = [ { hash { bits = 99 } }, shuffle ]
                snapshots = often
                sink.predictions = ""
              }
              pipelines.Y { source.kind = generator, sink.dead-letters = y.jsonl }
            }
            other = 1
            """;
        var faults = NodeSettingsReader.Read(HoconDocument.Parse(text, "my.conf")).Faults.Select(f => f.ToString()).ToArray();
        string[] expected =
        [
            "other: unknown key; settings are in stream-mlops { } and akka { } (my.conf, line 15)",
            "stream-mlops.data-foldr: unknown key; did you mean data-folder? (my.conf, line 2)",
            "stream-mlops.journal.connection-string: names no database; set it, for instance Host=db;Username=streammlops;Database=streammlops (my.conf, line 3)",
            "stream-mlops.pipelines.x.learn.max-rows: must be a whole number from 1 to 65536, not 'many' (my.conf, line 5)",
            "stream-mlops.pipelines.x.learn.max-bytes: must be a size from 1 KiB to 3 MiB (such as 64 KiB), not '1 TiB' (my.conf, line 5)",
            "stream-mlops.pipelines.x.learn.max-wait: must be a duration from 0s to 60s (such as 20ms), not '20' (my.conf, line 5)",
            "stream-mlops.pipelines.x.labels: must be one of inline, none, topic, not 'some' (my.conf, line 6)",
            "stream-mlops.pipelines.x.source.kind: must be one of file, generator, kafka, not 'rabbit' (my.conf, line 7)",
            "stream-mlops.pipelines.x.source.chunk-rows: must be a whole number from 1 to 65536, not '0' (my.conf, line 7)",
            "stream-mlops.pipelines.x.source.follow: must be on or off, not 'perhaps' (my.conf, line 7)",
            "stream-mlops.pipelines.x.featurize[0].hash.bits: must be a whole number from 1 to 32, not '99' (my.conf, line 9)",
            "stream-mlops.pipelines.x.featurize[1]: must be one of hash, url, ngrams, date, not 'shuffle' (my.conf, line 9)",
            "stream-mlops.pipelines.x.snapshots: must be a block { }, not 'often' (my.conf, line 10)",
            "stream-mlops.pipelines.x.sink.predictions: must name a file (my.conf, line 11)",
            "stream-mlops.pipelines.Y: a pipeline's name is made of lower-case letters, digits and hyphens (my.conf, line 13)",
        ];
        foreach (var fault in expected) Assert.Contains(fault, faults);
        Assert.Contains(faults, f => f.StartsWith("stream-mlops.pipelines.x.model.l3: unknown key", StringComparison.Ordinal) && f.EndsWith("(my.conf, line 8)", StringComparison.Ordinal));
        Assert.Contains(faults, f => f.StartsWith("stream-mlops.pipelines.x.model.optimizer.adagrad.rate: must be", StringComparison.Ordinal));
        Assert.Equal(expected.Length + 2, faults.Length);
    }

    [Fact]
    public void A_node_of_a_cluster_that_reads_and_writes_topics_is_settings_alone()
    {
        var node = NodeSettingsReader.Parse("""
            stream-mlops {
              journal { provider = postgresql, connection-string = "Host=db;Username=u;Password=secret;Database=d" }
              cluster { host = node1, port = 4053, seed-nodes = [ "node1:4053", "node2:4053" ], roles = [ gpu ], min-members = 3 }
              pipelines.urls {
                kafka { bootstrap-servers = "k:9092", idempotent = off, kafka-clients { session.timeout.ms = 6000, "group.protocol" = consumer, sasl.password = hidden } }
                source { kind = kafka, topic = features }
                sink { kind = kafka, predictions = predictions, dead-letters = letters }
              }
            }
            """);
        Assert.Equal(JournalProvider.Postgresql, node.Journal.Provider);
        Assert.Equal(("node1", 4053, 3), (node.Cluster.Host, node.Cluster.Port, node.Cluster.MinMembers));
        Assert.Equal(["node1:4053", "node2:4053"], node.Cluster.SeedNodes.ToArray());
        var p = Assert.Single(node.Pipelines);
        Assert.Equal(("k:9092", false), (p.Kafka.BootstrapServers, p.Kafka.Idempotent));
        Assert.Equal([("group.protocol", "consumer"), ("sasl.password", "hidden"), ("session.timeout.ms", "6000")], p.Kafka.KafkaClients.Select(k => (k.Key, k.Value)).ToArray());
        Assert.Equal((SourceKind.Kafka, "features"), (p.Source.Kind, p.Source.Topic));
        Assert.Equal(new SinkSettings(SinkKind.Kafka, "predictions", "letters"), p.Sink);

        var shown = node.ToConfig().ToHocon();
        Assert.DoesNotContain("secret", shown);
        Assert.DoesNotContain("hidden", shown);
    }

    [Theory]
    [InlineData("cluster.seed-nodes = [ nowhere ]", "stream-mlops.cluster.seed-nodes: 'nowhere' is no address; write host:port")]
    [InlineData("cluster.port = 70000", "stream-mlops.cluster.port: must be a whole number from 0 to 65535")]
    [InlineData("pipelines.p { source.kind = kafka, kafka.bootstrap-servers = k }", "stream-mlops.pipelines.p.source.topic: names no topic")]
    [InlineData("pipelines.p.kafka.connector = librdkafka", "stream-mlops.pipelines.p.kafka.connector: must be one of akka, confluent, not 'librdkafka'")]
    [InlineData("pipelines.p.source { kind = kafka, topic = t }", "stream-mlops.pipelines.p.kafka.bootstrap-servers: names no broker")]
    public void A_fault_of_cluster_or_topics_says_what_to_write(string settings, string fault)
    {
        var faults = NodeSettingsReader.Read(HoconDocument.Parse($"stream-mlops {{ {settings} }}", "f")).Faults;
        Assert.Contains(faults, f => f.ToString().StartsWith(fault, StringComparison.Ordinal));
    }

    [Fact]
    public void A_connector_that_the_build_does_not_have_is_refused_with_how_to_get_it()
    {
        var settings = NodeSettingsReader.Read(HoconDocument.Parse("stream-mlops.pipelines.p { source.kind = generator, kafka.connector = akka }", "f"));
        if (KafkaConnector.IsBuilt(KafkaConnectorKind.Akka))
            Assert.Equal(KafkaConnectorKind.Akka, Assert.Single(settings.Settings!.Pipelines).Kafka.Connector);
        else
            Assert.StartsWith("stream-mlops.pipelines.p.kafka.connector: akka is not in this build; build with -p:AkkaStreamsKafka=true (docs/connectors.md), or take confluent", Assert.Single(settings.Faults).ToString());
    }

    [Fact]
    public void A_fault_of_the_defaults_is_told_once_however_many_pipelines_there_are()
    {
        var faults = NodeSettingsReader.Read(HoconDocument.Parse("stream-mlops { pipeline-defaults.learn.max-rows = x\n pipelines { a.source.kind = generator\n b { source.kind = generator, sink { predictions = b1, dead-letters = b2 } } } }", "f")).Faults;
        Assert.Equal("stream-mlops.pipeline-defaults.learn.max-rows", Assert.Single(faults).Path);
    }

    [Fact]
    public void A_file_source_must_name_a_file()
    {
        var fault = Assert.Single(NodeSettingsReader.Read(HoconDocument.Parse("stream-mlops.pipelines.x {}", "f")).Faults);
        Assert.Equal("stream-mlops.pipelines.x.source.path: names no file; set it, or kind = generator", fault.ToString());
    }

    [Theory]
    [InlineData("source.json.label = f")]
    [InlineData("source.json.features = \"\"")]
    public void A_json_mapping_that_cannot_be_is_told(string change)
    {
        var fault = Assert.Single(NodeSettingsReader.Read(HoconDocument.Parse(Smallest + "stream-mlops.pipelines.p." + change, "f")).Faults);
        Assert.Equal("stream-mlops.pipelines.p.source.json", fault.Path);
    }

    [Fact]
    public void Two_pipelines_never_write_one_file()
    {
        var faults = NodeSettingsReader.Read(HoconDocument.Parse("stream-mlops.pipelines { a.source.kind = generator, b.source.kind = generator }", "f")).Faults;
        Assert.Equal(["stream-mlops.pipelines.b.sink.predictions", "stream-mlops.pipelines.b.sink.dead-letters"], faults.Select(f => f.Path));
    }

    [Fact]
    public void A_pipeline_falls_back_to_the_defaults_of_its_file_and_these_to_the_reference()
    {
        var node = NodeSettingsReader.Parse("stream-mlops { pipeline-defaults.learn { max-rows = 7, max-wait = 1s }\n pipelines.p { source.kind = generator, learn.max-wait = 2s } }");
        Assert.Equal(new LearnSettings(7, 1 << 20, TimeSpan.FromSeconds(2), 1), node.Pipelines[0].Learn);
    }

    [Fact]
    public void Later_layers_lie_over_earlier_ones()
    {
        var file = HoconDocument.Parse(Smallest + "stream-mlops.data-folder = file", "f");
        var options = HoconDocument.Of("options", ConfigNodes.At("stream-mlops.data-folder", new ConfigNode.Text("option")));
        Assert.Equal("option", NodeSettingsReader.Read(file, options).Settings!.DataFolder);
        Assert.Equal("file", NodeSettingsReader.Read(options, file).Settings!.DataFolder);
    }

    [Fact]
    public void A_parameter_of_the_model_that_is_a_block_is_replaced_as_a_whole()
    {
        var defaults = "stream-mlops.pipeline-defaults.model { algorithm = logistic-regression, optimizer { adagrad { rate = 0.3 } }, l2 = 0.5 }\n";
        var model = NodeSettingsReader.Parse(defaults + Smallest + "stream-mlops.pipelines.p.model { optimizer { sgd { rate = 0.2 } } }").Pipelines[0].Model;
        Assert.Equal(("sgd", 0.2), (model.Values.Choice("optimizer").Option, model.Values.Choice("optimizer").Values.Number("rate")));
        Assert.Equal(0.5, model.Values.Number("l2"));
    }

    [Fact]
    public void A_model_of_another_algorithm_replaces_the_whole_block()
    {
        var faults = NodeSettingsReader.Read(HoconDocument.Parse("stream-mlops.pipeline-defaults.model { l2 = 0.5 }\n" + Smallest + "stream-mlops.pipelines.p.model { algorithm = no-such }", "f")).Faults;
        Assert.Equal("stream-mlops.pipelines.p.model.algorithm", Assert.Single(faults).Path);
    }

    [Theory]
    [InlineData("source.chunk-rows = 1")]
    [InlineData("source.kind = file\nstream-mlops.pipelines.p.source.path = x")]
    [InlineData("learn { max-rows = 1, max-bytes = 1 KiB, max-wait = 1s }")]
    [InlineData("snapshots { every-events = 1, every-bytes = never }")]
    [InlineData("sink { predictions = a, dead-letters = b }")]
    [InlineData("source.generator { rows = 1, seed = 1 }")]
    [InlineData("source.json.id = other")]
    [InlineData("limits.record-bytes = 1 KiB")]
    public void What_does_not_define_the_model_may_change_within_a_lineage(string change) => Assert.Equal(Genesis(""), Genesis(change));

    [Theory]
    [InlineData("model.l2 = 0.1")]
    [InlineData("model.seed = 1")]
    [InlineData("model.optimizer = sgd")]
    [InlineData("model.precision = double")]
    [InlineData("featurize = [ hash ]")]
    [InlineData("source.format = json")]
    public void What_defines_the_model_is_in_the_genesis(string change) => Assert.NotEqual(Genesis(""), Genesis(change));

    [Fact]
    public void The_json_mapping_is_in_the_genesis_of_a_json_stream()
    {
        Assert.NotEqual(Genesis("source.format = json"), Genesis("source { format = json, json.features = features }"));
        Assert.NotEqual(Genesis("source.format = json"), Genesis("source { format = json, json.label = label }"));
    }

    [Fact]
    public void A_genesis_is_one_line_and_its_model_and_featurizers_can_be_made_again()
    {
        var p = NodeSettingsReader.Parse(Smallest + "stream-mlops.pipelines.p { featurize = [ { hash { bits = 20 } } ], model { l2 = 0.25 } }").Pipelines[0];
        Assert.DoesNotContain('\n', p.GenesisText);
        var (model, featurize) = PipelineSettings.ReadGenesis(p.Genesis);
        Assert.Equal(p.Model.ToCanonicalString(), model.ToCanonicalString());
        Assert.Equal(p.Featurize, featurize);
        Assert.Throws<ArgumentException>(() => PipelineSettings.ReadGenesis(ConfigNode.Of(("model", "no-such"))));
    }

    [Fact]
    public void Settings_that_are_written_are_read_again_the_same()
    {
        var node = NodeSettingsReader.Parse("""
            stream-mlops { data-folder = "a b/c", journal.lock-timeout = 1.5s
              pipelines.p {
                source { kind = file, path = "x y.svm", follow = on, chunk-rows = 7, format = json, json.id = other, generator { rows = 3, noise = 0.125 } }
                featurize = [ hash, { hash { bits = 20, salt = 3 } } ], model { optimizer { ftrl { alpha = 0.3 } }, seed = 9 }
                learn { max-rows = 5, max-bytes = 5000, max-wait = 1ms }, snapshots { every-events = 3, every-bytes = never }
                sink { predictions = p.jsonl, dead-letters = "/var/d.jsonl" }, limits.record-bytes = 2 KiB } }
            """);
        var again = NodeSettingsReader.Parse(node.ToConfig().ToHocon());
        Assert.Equal(node.ToConfig().ToHocon(), again.ToConfig().ToHocon());
        Assert.Equal(node.DataFolder, again.DataFolder);
        Assert.Equal(node.Journal, again.Journal);
        Assert.Equal(node.Pipelines[0] with { Model = again.Pipelines[0].Model, Sink = again.Pipelines[0].Sink }, again.Pipelines[0]);
        Assert.Equal(Path.GetFullPath(node.Pipelines[0].Sink.DeadLetters), Path.GetFullPath(again.Pipelines[0].Sink.DeadLetters));
    }

    [Theory]
    [InlineData("4096", 4096)]
    [InlineData("64 KiB", 65_536)]
    [InlineData("64KiB", 65_536)]
    [InlineData("1.5 MiB", 1_572_864)]
    [InlineData("2 MB", 2_000_000)]
    [InlineData("1 GiB", 1_073_741_824)]
    [InlineData("1 kB", 1000)]
    [InlineData("8K", 8192)]
    [InlineData("1 byte", 1)]
    public void Sizes_have_units(string text, long bytes)
    {
        Assert.True(Spelling.TryParseBytes(text, out var read));
        Assert.Equal(bytes, read);
        Assert.True(Spelling.TryParseBytes(Spelling.Bytes(bytes), out var again));
        Assert.Equal(bytes, again);
    }

    [Theory]
    [InlineData("20ms", 20)]
    [InlineData("1.5 s", 1500)]
    [InlineData("2 min", 120_000)]
    [InlineData("0.5h", 1_800_000)]
    [InlineData("1d", 86_400_000)]
    public void Durations_have_units(string text, double milliseconds)
    {
        Assert.True(Spelling.TryParseDuration(text, out var read));
        Assert.Equal(milliseconds, read.TotalMilliseconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("20")]
    [InlineData("-1s")]
    [InlineData("1 fortnight")]
    [InlineData("1e3 ms")]
    [InlineData("99999999999999999999d")]
    public void What_is_no_duration_is_refused(string text) => Assert.False(Spelling.TryParseDuration(text, out _));

    [Fact]
    public void Labels_are_none_for_kinds_that_need_none_and_for_no_others()
    {
        const string none = Smallest + "stream-mlops.pipelines.p.labels = none\n";
        foreach (var kind in ModelRegistry.Kinds.Where(k => k.Supervision == Supervision.Unsupervised))
        {
            var p = NodeSettingsReader.Parse(none + $"stream-mlops.pipelines.p.model.algorithm = {kind.Name}").Pipelines[0];
            Assert.Equal((LabelSource.None, kind.Task), (p.Labels, p.Model.Kind.Task));
            Assert.EndsWith(";labels=none", p.GenesisText);
            Assert.IsType<UnlabelledDecoder>(p.CreateDecoder());
        }
        foreach (var kind in new[] { "logistic-regression", "softmax-regression", "linear-regression", "self-training" })
        {
            var fault = Assert.Single(NodeSettingsReader.Read(HoconDocument.Parse(none + $"stream-mlops.pipelines.p.model.algorithm = {kind}", "f")).Faults);
            Assert.StartsWith($"stream-mlops.pipelines.p.labels: none leaves '{kind}' nothing to learn from; set inline or topic, or choose a kind that needs no labels: ", fault.ToString());
            Assert.Contains("half-space-trees", fault.Message);
        }
    }

    [Fact]
    public void Every_kind_of_model_goes_into_a_pipeline()
    {
        foreach (var kind in ModelRegistry.Kinds)
            Assert.Equal(kind.Name, NodeSettingsReader.Parse(Smallest + $"stream-mlops.pipelines.p.model.algorithm = {kind.Name}").Pipelines[0].Model.Kind.Name);
    }

    [Fact]
    public void The_culture_of_the_machine_does_not_matter()
    {
        var before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo("") { NumberFormat = { NumberDecimalSeparator = ",", NegativeSign = "~" } };
            Assert.Equal(0.02, NodeSettingsReader.Parse(Smallest + "stream-mlops.pipelines.p.source.generator.noise = 0.02").Pipelines[0].Source.Generator.Noise);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    private static string Genesis(string change) =>
        NodeSettingsReader.Parse(Smallest + (change.Length == 0 ? "" : $"stream-mlops.pipelines.p.{change}")).Pipelines[0].GenesisText;

    private static IEnumerable<string> Leaves(ConfigNode node, string path) => node is ConfigNode.Map map && map.Fields.Count > 0
        ? map.Fields.SelectMany(f => Leaves(f.Value, path.Length == 0 ? f.Key : $"{path}.{f.Key}"))
        : [path];

    private static ConfigNode.Map Without(ConfigNode.Map map, ReadOnlySpan<string> path) => path.Length == 1
        ? new ConfigNode.Map(map.Fields.Remove(path[0]))
        : map.With(path[0], Without((ConfigNode.Map)map.Fields[path[0]], path[1..]));
}

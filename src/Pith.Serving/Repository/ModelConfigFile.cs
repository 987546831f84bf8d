using System.Globalization;

namespace Pith.Serving;

/// <summary>Reads config.pbtxt: the fields that Pith uses, with their ranges checked; the rest is named in <see cref="ModelConfig.Unused"/>.</summary>
internal static class ModelConfigFile
{
    public const string Name = "config.pbtxt";

    private const long LargestFile = 1 << 20;
    private const int LargestBatch = 4096;
    private const int MostInstances = 256;

    // What says how the model is stored or made elsewhere, and changes nothing here.
    private static readonly string[] s_read = ["name", "platform", "backend", "runtime", "default_model_filename", "max_batch_size", "version_policy", "input", "output", "instance_group", "dynamic_batching", "parameters"];

    /// <summary>Reads the file of a model.</summary>
    /// <exception cref="PithException">It cannot be read, or a field has a value that cannot be.</exception>
    public static ModelConfig Read(string path)
    {
        try
        {
            if (new FileInfo(path).Length > LargestFile) throw new PithException($"'{path}' is larger than {LargestFile} bytes, which no configuration is.");
            return new Source(path).Config(TextMessage.Parse(File.ReadAllText(path), path));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new PithException($"Cannot read '{path}': {failure.Message}", failure);
        }
    }

    private sealed class Source(string path)
    {
        private readonly List<string> _unused = [];

        public ModelConfig Config(TextMessage file)
        {
            _unused.AddRange(file.Names.Except(s_read));
            var batching = Single(file, "dynamic_batching")?.Message;
            var queue = batching is null ? null : Single(batching, "default_queue_policy")?.Message;
            if (batching is not null) Unused(batching, "dynamic_batching", "preferred_batch_size", "max_queue_delay_microseconds", "default_queue_policy");
            if (queue is not null) Unused(queue, "default_queue_policy", "timeout_action", "default_timeout_microseconds", "allow_timeout_override", "max_queue_size");
            if (queue is not null && Text(queue, "timeout_action") is { } action and not ("REJECT" or "0")) _unused.Add($"timeout_action: {action} (requests that wait too long are refused)");
            var config = new ModelConfig
            {
                Name = Text(file, "name"),
                Platform = Text(file, "platform"),
                Backend = Text(file, "backend"),
                FileName = FileName(Text(file, "default_model_filename"), "default_model_filename"),
                MaxBatch = (int?)Number(file, "max_batch_size", 0, LargestBatch),
                Versions = Versions(file),
                Inputs = [.. file["input"].Select(field => Tensor(field, "input"))],
                Outputs = [.. file["output"].Select(field => Tensor(field, "output"))],
                Instances = Instances(file),
                PreferredBatches = batching is null ? [] : [.. batching["preferred_batch_size"].Select(field => (int)Number(field, "preferred_batch_size", 1, LargestBatch)).Distinct().Order()],
                QueueDelay = Microseconds(batching, "max_queue_delay_microseconds") ?? TimeSpan.Zero,
                // 0 is "no limit" there; a queue without one could grow for ever.
                QueueLimit = queue is null ? null : (int?)Number(queue, "max_queue_size", 0, 1_000_000) is var limit and > 0 ? limit : null,
                Timeout = Microseconds(queue, "default_timeout_microseconds") is { Ticks: > 0 } timeout ? timeout : null,
                AllowTimeoutOverride = queue is null ? null : Text(queue, "allow_timeout_override") is { } allowed ? allowed is "true" or "True" or "t" or "1" : null,
            };
            return Parameters(file, config) with { Unused = _unused };
        }

        private ModelConfig Parameters(TextMessage file, ModelConfig config)
        {
            foreach (var entry in file["parameters"])
            {
                var key = entry.Message is { } message ? Text(message, "key") : null;
                var value = entry.Message is { } pair && Single(pair, "value")?.Message is { } text ? Text(text, "string_value") : null;
                if (key is null || value is null) throw Wrong(entry.Line, "parameters", "{ key: \"threads\" value: { string_value: \"2\" } }", "something else");
                if (key == "threads") config = config with { Threads = (int)Number(new TextMessage.Field(value, null, entry.Line), "threads", 1, 1024) };
                else if (key == "processors") config = config with { Processors = Processors(value, entry.Line) };
                else _unused.Add($"parameters \"{key}\"");
            }
            return config;
        }

        private int[][] Processors(string value, int line) =>
            [.. value.Split(';').Select(instance => instance.Split(',').Select(processor => (int)Number(new TextMessage.Field(processor.Trim(), null, line), "processors", 0, 1023)).ToArray())];

        private VersionPolicy Versions(TextMessage file)
        {
            if (Single(file, "version_policy")?.Message is not { } policy) return new VersionPolicy();
            if (policy["all"].Count > 0) return new VersionPolicy(IsAll: true);
            if (Single(policy, "specific")?.Message is { } specific) return new VersionPolicy(Specific: [.. specific["versions"].Select(field => Number(field, "versions", 0, long.MaxValue))]);
            return new VersionPolicy((int)(Single(policy, "latest")?.Message is { } latest ? Number(latest, "num_versions", 1, int.MaxValue) ?? 1 : 1));
        }

        private int? Instances(TextMessage file)
        {
            if (file["instance_group"] is not { Count: > 0 } groups) return null;
            long count = 0;
            foreach (var group in groups)
            {
                if (group.Message is not { } message) throw Wrong(group.Line, "instance_group", "{ count: 1 kind: KIND_CPU }", group.Text!);
                Unused(message, "instance_group", "name", "count", "kind");
                if (Text(message, "kind") is { } kind and not ("KIND_CPU" or "KIND_AUTO" or "KIND_MODEL")) _unused.Add($"instance_group kind: {kind} (instances run on processors)");
                count += Number(message, "count", 1, MostInstances) ?? 1;
            }
            return count <= MostInstances ? (int)count : throw Wrong(groups[^1].Line, "instance_group", $"at most {MostInstances} instances in all", count);
        }

        private ConfiguredTensor Tensor(TextMessage.Field field, string role)
        {
            if (field.Message is not { } message) throw Wrong(field.Line, role, "{ name: \"x\" data_type: TYPE_FP32 dims: [ 3, 224, 224 ] }", field.Text!);
            Unused(message, role, "name", "data_type", "dims", "format", "label_filename");
            return new ConfiguredTensor(
                Text(message, "name") ?? throw Wrong(field.Line, role, "a name", "none"), Text(message, "data_type"),
                [.. message["dims"].Select(dim => Number(dim, "dims", -1, int.MaxValue))], FileName(Text(message, "label_filename"), "label_filename"));
        }

        // A bare name: nothing outside of the model's folder.
        private string? FileName(string? name, string field)
        {
            if (string.IsNullOrEmpty(name)) return null;
            return name is not ("." or "..") && name.AsSpan().IndexOfAny(['/', '\\', ':', '\0']) < 0 ? name : throw new PithException($"'{path}': {field} must be the name of a file in the model's folder, got '{name}'.");
        }

        private void Unused(TextMessage message, string name, params string[] read) => _unused.AddRange(message.Names.Except(read).Select(field => $"{name}.{field}"));

        private static TextMessage.Field? Single(TextMessage message, string name) =>
            message[name] is [.., var last] ? last : null;

        private string? Text(TextMessage message, string name) =>
            Single(message, name) is not { } field ? null : field.Text ?? throw Wrong(field.Line, name, "a value", "a message");

        private long? Number(TextMessage message, string name, long low, long high) => Single(message, name) is { } field ? Number(field, name, low, high) : null;

        private long Number(TextMessage.Field field, string name, long low, long high) =>
            long.TryParse(field.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= low && number <= high
                ? number
                : throw Wrong(field.Line, name, string.Create(CultureInfo.InvariantCulture, $"a whole number of {low} to {high}"), field.Text ?? "a message");

        private TimeSpan? Microseconds(TextMessage? message, string name) =>
            message is not null && Number(message, name, 0, 86_400_000_000) is { } number ? TimeSpan.FromMicroseconds(number) : null;

        private PithException Wrong(int line, string field, string expected, object got) =>
            new(string.Create(CultureInfo.InvariantCulture, $"'{path}', line {line}: {field} must be {expected}, got '{got}'."));
    }
}

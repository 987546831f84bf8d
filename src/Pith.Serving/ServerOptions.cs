namespace Pith.Serving;

/// <summary>When models are loaded and unloaded.</summary>
public enum ModelControl
{
    /// <summary>All models are loaded at the start, and the repository is watched: what is new, changed or gone is loaded, replaced or unloaded. Requests may load and unload, too.</summary>
    Poll,

    /// <summary>Only the models that <see cref="ServerOptions.StartupModels"/> names, and what requests load and unload.</summary>
    Explicit,

    /// <summary>All models are loaded at the start and stay as they are.</summary>
    None,
}

/// <summary>What <see cref="PithServer"/> serves, where, and within which limits. Paths are the caller's; nothing here comes from requests.</summary>
public sealed record ServerOptions
{
    /// <summary>The model repository: a folder with NAME/VERSION/model.onnx or model.plan, or one such file.</summary>
    public required string Repository { get; init; }

    /// <summary>The address to listen on; the default is reached from this machine only.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>The port of HTTP; 0 for any free one, null for no HTTP.</summary>
    public int? HttpPort { get; init; } = 8000;

    /// <summary>The port of gRPC; 0 for any free one, null for no gRPC.</summary>
    public int? GrpcPort { get; init; } = 8001;

    /// <summary>A port that answers /metrics only, beside the HTTP port; null for none.</summary>
    public int? MetricsPort { get; init; }

    /// <summary>A certificate, PEM or PKCS#12, with which both ports speak TLS; null for plain text.</summary>
    public string? CertificatePath { get; init; }

    /// <summary>The private key of a PEM certificate; null when it is in the same file.</summary>
    public string? CertificateKeyPath { get; init; }

    /// <summary>The password of the certificate or its key; null for none.</summary>
    public string? CertificatePassword { get; init; }

    /// <summary>The bearer token that requests must carry; null for none. Health is answered without.</summary>
    public string? Token { get; init; }

    /// <summary>When models are loaded and unloaded.</summary>
    public ModelControl Control { get; init; } = ModelControl.Poll;

    /// <summary>The models that are loaded at the start with <see cref="ModelControl.Explicit"/>; <c>*</c> means all.</summary>
    public IReadOnlyList<string> StartupModels { get; init; } = [];

    /// <summary>Time between two looks at the repository with <see cref="ModelControl.Poll"/>. A change is taken when two looks saw the same.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>The largest batch of models whose configuration does not say.</summary>
    public int MaxBatch { get; init; } = 8;

    /// <summary>How long a request may wait for others, where the configuration does not say.</summary>
    public TimeSpan QueueDelay { get; init; }

    /// <summary>Requests that may wait for each model, where the configuration does not say.</summary>
    public int QueueLimit { get; init; } = 128;

    /// <summary>How long a request may take, where the configuration does not say; null for as long as it takes.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Instances of each model, where the configuration does not say.</summary>
    public int Instances { get; init; } = 1;

    /// <summary>Threads of each instance, where the configuration does not say; 0 divides the processors among the model's instances.</summary>
    public int Threads { get; init; }

    /// <summary>
    /// Whether kernels are chosen by timing. Null: for INT8 networks, whose results do not depend on it. A float network that is timed answers with the same values up to the order of its sums.
    /// </summary>
    public bool? TimeTactics { get; init; }

    /// <summary>Where plans and timings of built engines are kept; null for .pith-cache in the repository; with an empty string they are not kept.</summary>
    public string? CacheFolder { get; init; }

    /// <summary>The largest body of a request, in bytes.</summary>
    public long MaxRequestBytes { get; init; } = 64 << 20;

    /// <summary>Bytes of all bodies that are held at a time; what comes beyond is refused.</summary>
    public long MaxBufferedBytes { get; init; } = 1L << 30;

    /// <summary>The largest encoded image that is decoded, in pixels.</summary>
    public long MaxImagePixels { get; init; } = 1 << 25;

    /// <summary>How long accepted requests may go on when the server is stopped.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Whether the server is ready only when every model is.</summary>
    public bool StrictReadiness { get; init; }

    /// <summary>Where OpenTelemetry traces and meters are sent (OTLP over gRPC); null: they are not sent.</summary>
    public Uri? TelemetryEndpoint { get; init; }

    /// <summary>Throws when a value makes no sense.</summary>
    /// <exception cref="PithException">It does not.</exception>
    internal ServerOptions Checked()
    {
        foreach (var (name, port) in new[] { ("HTTP", HttpPort), ("gRPC", GrpcPort), ("metrics", MetricsPort) })
            if (port is < 0 or > 65535) throw new PithException($"The {name} port must be 0 to 65535, got {port}.");
        int[] fixedPorts = [.. new[] { HttpPort, GrpcPort, MetricsPort }.Where(port => port > 0).Select(port => port!.Value)];
        if (fixedPorts.Distinct().Count() < fixedPorts.Length) throw new PithException($"The ports of HTTP, gRPC and metrics must differ, got {string.Join(", ", fixedPorts)}.");
        Require(HttpPort is not null || GrpcPort is not null, "A server needs an HTTP port or a gRPC port.");
        Require(MaxBatch is >= 1 and <= 4096, $"The largest batch must be 1 to 4096, got {MaxBatch}.");
        Require(QueueLimit is >= 1 and <= 1_000_000, $"The queue must hold 1 to 1000000 requests, got {QueueLimit}.");
        Require(Instances is >= 1 and <= 256, $"A model must have 1 to 256 instances, got {Instances}.");
        Require(Threads is >= 0 and <= 1024, $"An instance must have 1 to 1024 threads (0: its share of the processors), got {Threads}.");
        Require(QueueDelay >= TimeSpan.Zero && QueueDelay <= TimeSpan.FromHours(1), $"The queue delay must be 0 to 1 hour, got {QueueDelay}.");
        Require(Timeout is null || Timeout > TimeSpan.Zero, $"The time-out must be more than 0, got {Timeout}.");
        Require(PollInterval >= TimeSpan.FromMilliseconds(10), $"The repository can be looked at every 0.01 s at most, got {PollInterval}.");
        Require(MaxRequestBytes is >= 1024 and <= 2_000_000_000, $"The largest request must be 1024 to 2000000000 bytes, got {MaxRequestBytes}.");
        Require(Token is null || Token.Length >= 8 && Token.All(c => c is > ' ' and < '\x7f'), "The bearer token must be at least 8 printable ASCII characters without spaces.");
        return this;

        static void Require(bool holds, string message)
        {
            if (!holds) throw new PithException(message);
        }
    }
}

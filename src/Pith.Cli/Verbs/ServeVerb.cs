using System.CommandLine;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Pith.Cli.Reporting;
using Pith.Serving;

namespace Pith.Cli.Verbs;

/// <summary><c>pith serve</c>: a server of models by the Open Inference Protocol, until it is told to stop.</summary>
internal sealed class ServeVerb : Verb
{
    private const double LongestDrain = 3600;

    private readonly Argument<string> _repository = new("repository") { Description = "A folder of models, NAME/VERSION/model.onnx or model.plan with config.pbtxt beside the versions if wanted; or one ONNX file or plan." };
    private readonly Option<string> _host = new("--host") { Description = "Address to listen on: an IP address of this machine, or * for all. The default is reached from this machine only.", HelpName = "address", DefaultValueFactory = _ => "127.0.0.1" };
    private readonly Option<int> _http = new("--http-port") { Description = "Port of HTTP, metrics included; 0 for any free one.", HelpName = "port", DefaultValueFactory = _ => 8000 };
    private readonly Option<int> _grpc = new("--grpc-port") { Description = "Port of gRPC; 0 for any free one.", HelpName = "port", DefaultValueFactory = _ => 8001 };
    private readonly Option<int?> _metrics = new("--metrics-port") { Description = "Another port that answers /metrics only.", HelpName = "port" };
    private readonly Option<ModelControl> _control = new("--model-control") { Description = "poll: load all models and follow changes of the repository; explicit: load --load-model and what requests ask for; none: load all models once.", HelpName = "mode", DefaultValueFactory = _ => ModelControl.Poll };
    private readonly Option<string[]> _load = new("--load-model") { Description = "With --model-control explicit: a model to load at the start; * for all. May be repeated.", HelpName = "name" };
    private readonly Option<double> _poll = CommonOptions.Finite(new Option<double>("--poll-interval") { Description = "Seconds between two looks at the repository. A change is taken when two looks saw the same.", HelpName = "s", DefaultValueFactory = _ => 3 });
    private readonly Option<int> _batch = new("--max-batch") { Description = "Largest batch of models whose config.pbtxt does not say max_batch_size.", HelpName = "n", DefaultValueFactory = _ => 8 };
    private readonly Option<int> _delay = new("--queue-delay") { Description = "How long a request may wait for others to make a batch, in microseconds. Without it a batch is what waits when an instance is free.", HelpName = "us" };
    private readonly Option<int> _queue = new("--queue-limit") { Description = "Requests that may wait for a model; one more is refused at once.", HelpName = "n", DefaultValueFactory = _ => 128 };
    private readonly Option<double?> _timeout = CommonOptions.Finite(new Option<double?>("--timeout") { Description = "How long a request may take, in milliseconds; one that cannot be answered in time is refused. Default: no limit.", HelpName = "ms" });
    private readonly Option<int> _instances = new("--instances") { Description = "Instances of each model that run at a time, each with its own memory.", HelpName = "n", DefaultValueFactory = _ => 1 };
    private readonly Option<int> _threads = CommonOptions.Threads();
    private readonly Option<bool> _timing = new("--timing") { Description = "Choose kernels by timing for float networks, too. Their results then differ from those of pith infer in the last bits, where sums are in another order." };
    private readonly Option<bool> _noTiming = new("--no-timing") { Description = "Choose kernels by estimate, without timing." };
    private readonly Option<string?> _cache = new("--cache") { Description = "Folder for plans and timings of models that were built. Default: .pith-cache in the repository.", HelpName = "folder" };
    private readonly Option<bool> _noCache = new("--no-cache") { Description = "Build every model at each start." };
    private readonly Option<int> _maxRequest = new("--max-request") { Description = "Largest request, in MiB.", HelpName = "MiB", DefaultValueFactory = _ => 64 };
    private readonly Option<string?> _certificate = new("--certificate") { Description = "Certificate for TLS: PEM, or PKCS#12.", HelpName = "file" };
    private readonly Option<string?> _certificateKey = new("--certificate-key") { Description = "Private key of a PEM certificate. Default: in the same file.", HelpName = "file" };
    private readonly Option<string?> _certificatePassword = new("--certificate-password") { Description = "Password of the certificate or its key.", HelpName = "text" };
    private readonly Option<string?> _token = new("--token-file") { Description = "File with a bearer token that requests must carry.", HelpName = "file" };
    private readonly Option<bool> _strict = new("--strict-readiness") { Description = "The server is ready only when every model is. Default: when the models that can be loaded are." };
    private readonly Option<double> _drain = CommonOptions.Finite(new Option<double>("--drain-timeout") { Description = "Seconds that accepted requests may go on when the server is told to stop.", HelpName = "s", DefaultValueFactory = _ => 30 });
    private readonly Option<string?> _otlp = new("--otlp") { Description = "Where OpenTelemetry traces and meters are sent, e.g. http://localhost:4317.", HelpName = "url" };
    private readonly Option<LogLevel> _logLevel = new("--log-level") { Description = "The least important lines to log, to standard error: debug has each refused request.", HelpName = "level", DefaultValueFactory = _ => LogLevel.Information };
    private readonly Option<string> _logFormat = new Option<string>("--log-format") { Description = "text, or json for one object a line.", HelpName = "format", DefaultValueFactory = _ => "text" }.AcceptOnlyFromAmong("text", "json");

    public override string Name => "serve";

    public override string Summary => "Serves models over HTTP and gRPC, by the protocol that Triton and KServe clients speak.";

    public override IReadOnlyList<string> Examples =>
    [
        "pith serve models",
        "pith serve net-int8.onnx --max-batch 16 --queue-delay 500 --timeout 50",
        "pith serve models --host 0.0.0.0 --certificate server.pem --token-file token --metrics-port 8002",
        "pith serve models --model-control explicit --load-model resnet50 --log-format json",
    ];

    protected override IEnumerable<Symbol> Symbols =>
    [
        _repository, _host, _http, _grpc, _metrics, _control, _load, _poll, _batch, _delay, _queue, _timeout, _instances, _threads, _timing, _noTiming, _cache, _noCache, _maxRequest,
        _certificate, _certificateKey, _certificatePassword, _token, _strict, _drain, _otlp, _logLevel, _logFormat,
    ];

    // Requests that were accepted are answered, and what does not end then is ended.
    public override TimeSpan TimeToStop => TimeSpan.FromSeconds(LongestDrain + 10);

    public override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation) => ServeAsync(Options(arguments), arguments, terminal, cancellation).GetAwaiter().GetResult();

    private async Task<int> ServeAsync(ServerOptions options, ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        await using var server = await PithServer.StartAsync(options, logging => Log(logging, arguments), cancellation);
        terminal.Result(new { Http = server.HttpAddress, Grpc = server.GrpcAddress, options.Repository }, console => console.Line($"serving {options.Repository}: HTTP {server.HttpAddress}, gRPC {server.GrpcAddress}; Ctrl+C ends it"));
        try
        {
            await server.Loaded.WaitAsync(cancellation);
            await Task.Delay(Timeout.Infinite, cancellation);
        }
        catch (OperationCanceledException)
        {
            // That is how it ends.
        }
        await server.StopAsync();
        return Program.Done;
    }

    private ServerOptions Options(ParseResult arguments)
    {
        if (arguments.GetValue(_timing) && arguments.GetValue(_noTiming)) throw new UsageException($"{_timing.Name} and {_noTiming.Name} do not go together.");
        if (arguments.GetValue(_noCache) && arguments.GetValue(_cache) is not null) throw new UsageException($"{_cache.Name} and {_noCache.Name} do not go together.");
        var control = arguments.GetValue(_control);
        string[] load = arguments.GetValue(_load) ?? [];
        if (load.Length > 0 && control != ModelControl.Explicit) throw new UsageException($"{_load.Name} needs {_control.Name} explicit; otherwise all models are loaded.");
        if (arguments.GetValue(_certificate) is null && (arguments.GetValue(_certificateKey) ?? arguments.GetValue(_certificatePassword)) is not null) throw new UsageException($"{_certificateKey.Name} and {_certificatePassword.Name} need {_certificate.Name}.");
        return new ServerOptions
        {
            Repository = arguments.GetRequiredValue(_repository),
            Host = arguments.GetRequiredValue(_host),
            HttpPort = CommonOptions.Require(_http.Name, arguments.GetValue(_http), 0, 65535),
            GrpcPort = CommonOptions.Require(_grpc.Name, arguments.GetValue(_grpc), 0, 65535),
            MetricsPort = arguments.GetValue(_metrics) is { } metrics ? CommonOptions.Require(_metrics.Name, metrics, 1, 65535) : null,
            Control = control,
            StartupModels = load,
            PollInterval = TimeSpan.FromSeconds(CommonOptions.Require(_poll.Name, arguments.GetValue(_poll), 0.01, 86_400)),
            MaxBatch = CommonOptions.Require(_batch.Name, arguments.GetValue(_batch), 1, 4096),
            QueueDelay = TimeSpan.FromMicroseconds(CommonOptions.Require(_delay.Name, arguments.GetValue(_delay), 0, 10_000_000)),
            QueueLimit = CommonOptions.Require(_queue.Name, arguments.GetValue(_queue), 1, 1_000_000),
            Timeout = arguments.GetValue(_timeout) is { } timeout ? TimeSpan.FromMilliseconds(CommonOptions.Require(_timeout.Name, timeout, 0.1, 86_400_000)) : null,
            Instances = CommonOptions.Require(_instances.Name, arguments.GetValue(_instances), 1, 256),
            Threads = arguments.GetValue(_threads),
            TimeTactics = arguments.GetValue(_timing) ? true : arguments.GetValue(_noTiming) ? false : null,
            CacheFolder = arguments.GetValue(_noCache) ? "" : arguments.GetValue(_cache),
            MaxRequestBytes = (long)CommonOptions.Require(_maxRequest.Name, arguments.GetValue(_maxRequest), 1, 1900) << 20,
            CertificatePath = arguments.GetValue(_certificate),
            CertificateKeyPath = arguments.GetValue(_certificateKey),
            CertificatePassword = arguments.GetValue(_certificatePassword),
            Token = TokenFile.Read(arguments.GetValue(_token)),
            StrictReadiness = arguments.GetValue(_strict),
            DrainTimeout = TimeSpan.FromSeconds(CommonOptions.Require(_drain.Name, arguments.GetValue(_drain), 0, LongestDrain)),
            TelemetryEndpoint = arguments.GetValue(_otlp) is not { } otlp ? null : Uri.TryCreate(otlp, UriKind.Absolute, out var endpoint) && endpoint.Scheme is "http" or "https" ? endpoint : throw new UsageException($"{_otlp.Name} must be an address such as http://localhost:4317, got '{otlp}'."),
        };
    }

    private void Log(ILoggingBuilder logging, ParseResult arguments)
    {
        logging.SetMinimumLevel(arguments.GetValue(_logLevel));
        // The framework's own lines tell of each connection; from warnings on they matter.
        logging.AddFilter("Microsoft", LogLevel.Warning).AddFilter("Grpc", LogLevel.Warning).AddFilter("System", LogLevel.Warning);
        // A server that is asked whether it is ready while it loads is not at fault.
        logging.AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None);
        if (arguments.GetValue(_logFormat) == "json") logging.AddJsonConsole(json => json.TimestampFormat = "O");
        else logging.AddSimpleConsole(text => (text.SingleLine, text.TimestampFormat, text.ColorBehavior) = (true, "HH:mm:ss ", LoggerColorBehavior.Disabled));
        // Standard output is for results.
        logging.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
    }
}

# 单独输入 make 就列出全部目标。Every target says what it does after ##.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
PACKAGES := extractor models corpus api
SOURCES := $(PACKAGES) tests bench
HOST ?= 127.0.0.1
PORT ?= 8000
OUT ?= out
ARGS ?=
FUZZ_SECONDS ?= 60

# The newest interpreter is not always the default one: take the first that is 3.11 or later.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && break; done)

# An environment that was copied here with its folder would run the code of the other folder.
ifneq ($(shell test -x $(BIN)/python && cat $(VENV)/.place 2>/dev/null),$(CURDIR))
STALE := stale
endif

.PHONY: help run serve setup test test-fast check fix bench soak fuzz picture lock clean tools debian stale

help: ## 列出全部目标
	@printf '核查 hecha：用法 make 目标\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@printf '\n  处理自己的文件：make run FILE=报告.pdf\n'
	@printf '  几个文件属于同一起事故：make run FILE="报告.pdf 批复.docx"\n'
	@printf '  文件名里有空格：make run FILE="'"'我的 报告.pdf' 批复.docx"'"\n'

run: export FILE := $(FILE)
run: $(VENV)/.ready ## 处理示例案卷，或自己的文件：make run FILE=报告.pdf
	@if [ -z "$$FILE" ]; then files=(corpus/samples/*.docx corpus/samples/*.pdf corpus/samples/*.txt); \
	elif [ -e "$$FILE" ]; then files=("$$FILE"); \
	else mapfile -t files < <(xargs -n1 printf '%s\n' <<<"$$FILE"); fi; \
	mkdir -p "$(OUT)"; \
	$(BIN)/hecha checklist "$${files[@]}" -o "$(OUT)/清单.xlsx" -o "$(OUT)/清单.json"

serve: $(VENV)/.ready ## 启动本机服务：http://127.0.0.1:8000
	@$(BIN)/hecha serve --host "$(HOST)" --port "$(PORT)"

setup: $(VENV)/.ready ## 建立 .venv 并安装（之后命令是 .venv/bin/hecha）
	@printf '已就绪：%s/hecha --help\n' "$(BIN)"

test: tools debian ## 全部测试（需要的系统软件有权限就装，没有就说明跳过了什么）
	@$(BIN)/python -m pytest -q $(ARGS)

test-fast: tools ## 一分钟以内的测试
	@$(BIN)/python -m pytest -q -m 'not slow and not browser and not postgres' $(ARGS)

check: tools ## 只检查、不改文件：风格、类型、依赖方向、拼写、文档
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo --no-cache
	@$(BIN)/typos $(SOURCES) docs *.md Makefile pyproject.toml
	@$(BIN)/python -m pytest -q -p no:cacheprovider -m 'not slow' tests/test_repo.py tests/test_docs.py

fix: tools ## 自动改正风格和格式
	@$(BIN)/ruff check --fix $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

bench: tools ## 速度、启动时间、内存、PDF 页/秒和准确，各种格式的文字和事实，扫描件错字率，随字数的增长，恶意文字，整批处理，列表和检索，服务接收上传要多久，增加读取进程
	@$(BIN)/python -m bench.speed $(ARGS)
	@$(BIN)/python -m bench.pages $(ARGS)
	@$(BIN)/python -m bench.word_files $(ARGS)
	@$(BIN)/python -m bench.every_format $(ARGS)
	@$(BIN)/python -m bench.recognition $(ARGS)
	@$(BIN)/python -m bench.growth $(ARGS)
	@$(BIN)/python -m bench.bulk $(ARGS)
	@$(BIN)/python -m bench.listing
	@$(BIN)/python -m bench.accepting $(ARGS)
	@$(BIN)/python -m bench.workers

soak: tools ## 在读取途中反复强行结束服务（SQLite、PostgreSQL），看有没有丢失或重复
	@$(BIN)/python -m bench.soak $(ARGS)

fuzz: tools ## 把随机破坏的文件交给每种格式的读取程序：make fuzz FUZZ_SECONDS=300
	@FUZZ_SECONDS="$(FUZZ_SECONDS)" $(BIN)/python -m tests.fuzzing $(ARGS)

picture: run ## 重做 README 里的图（要有 LibreOffice 和 poppler-utils）
	@soffice --headless --convert-to pdf --outdir "$(OUT)" "$(OUT)/清单.xlsx" >/dev/null 2>&1
	@mkdir -p docs/images
	@pdftoppm -r 110 -png -f 2 -l 2 -singlefile "$(OUT)/清单.pdf" docs/images/checklist
	@printf '已更新 docs/images/checklist.png\n'

LOCK = $(BIN)/uv pip compile --quiet --no-config --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --custom-compile-command 'make lock' pyproject.toml

lock: tools ## 重新生成三个锁定文件（要联网）
	@$(LOCK) --extra archives --extra likeness --extra ocr --group build -o requirements.lock
	@$(LOCK) --extra archives --extra likeness --extra ocr --group build --group dev -c requirements.lock -o requirements-dev.lock
	@$(LOCK) --extra archives --extra likeness --extra ocr --extra models --extra lac -c requirements-dev.lock -o requirements-models.lock
	@printf '已更新：requirements.lock requirements-dev.lock requirements-models.lock\n'

clean: ## 删除 .venv、out 和各种缓存
	@rm -rf $(VENV) out dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage htmlcov
	@find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.place: $(STALE)
	@if [ -z "$(PYTHON)" ]; then \
		printf '没有找到 Python 3.11 或更新的版本。请先安装：sudo apt-get install python3 python3-venv\n' >&2; exit 1; fi
	@if ! "$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null; then \
		printf '%s 缺少 venv 模块。请先安装：sudo apt-get install python3-venv\n' "$(PYTHON)" >&2; exit 1; fi
	@printf '建立 %s（%s）……\n' "$(VENV)" "$$("$(PYTHON)" --version)"
	@"$(PYTHON)" -m venv --clear $(VENV)
	@printf '%s' "$(CURDIR)" > $@

$(VENV)/.ready: $(VENV)/.place requirements.lock pyproject.toml
	@printf '安装依赖（第一次要一两分钟）……\n'
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.tools: $(VENV)/.ready requirements-dev.lock
	@printf '安装开发工具……\n'
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

tools: $(VENV)/.tools

# What some tests need from the system. Without the right to install it, pytest names the tests
# that it skips and why.
MISSING = $(shell command -v lowriter >/dev/null || echo libreoffice-writer-nogui; \
	command -v localc >/dev/null || echo libreoffice-calc-nogui; \
	fc-list :lang=zh 2>/dev/null | grep -q . || echo fontconfig fonts-noto-cjk)

debian:
	@missing="$(strip $(MISSING))"; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then \
		printf '安装测试用的系统软件：%s\n' "$$missing"; \
		export DEBIAN_FRONTEND=noninteractive; \
		{ apt-get -qq update && apt-get -qq install --no-install-recommends -y $$missing; } >/dev/null 2>&1 \
			|| printf '未能安装 %s；用到它的测试会跳过，并在末尾说明原因\n' "$$missing"; \
	else \
		printf '没有 %s；用到它的测试会跳过，并在末尾说明原因。安装：sudo apt-get install %s\n' "$$missing" "$$missing"; \
	fi
